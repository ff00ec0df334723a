"""Changes under a design formula, from the columns of an object to the tables."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.tables import TABLES


@pytest.fixture
def typed(fitted: ad.AnnData) -> ad.AnnData:
    """Four donors per condition, with covariates and two samples each."""
    fitted.obs["cell_type"] = fitted.obs["cell_type"].astype(str)
    donors = sorted(set(fitted.obs["donor"]))
    place = fitted.obs["donor"].map({name: i for i, name in enumerate(donors)}).astype(int)
    fitted.obs["sex"] = np.where(place % 2, "f", "m")
    fitted.obs["age"] = 30.0 + (place * 7) % 11
    fitted.obs["biopsy"] = np.where(np.arange(fitted.n_obs) % 2, "one", "two")
    fitted.obs["total"] = np.where(fitted.obs["condition"] == "treated", 4000, 1000)
    return fitted


def run(adata: ad.AnnData, **options: object) -> None:
    cg.tl.donors(adata, n_permutations=0, **options)


def test_the_condition_is_that_of_the_populations(typed: ad.AnnData) -> None:
    run(typed, design="~ condition + sex + age")
    effects = cg.get.effects(typed, by="cell_type")
    assert tuple(effects.columns) == TABLES["effects"].names
    assert list(dict.fromkeys(effects["kind"])) == ["condition", "factor", "covariate"]
    populations = cg.get.populations(typed, by="cell_type")
    own = effects[effects["kind"] == "condition"].reset_index(drop=True)
    for column, there in (
        ("log2_change", "log2_net"),
        ("ci_low", "ci_low"),
        ("p", "p"),
        ("q", "q"),
    ):
        np.testing.assert_array_equal(own[column], populations[there])
    donors = cg.get.params(typed)["donors"]
    assert donors["design"] == "~ condition + sex + age"
    assert donors["design_sentence"].startswith(
        "Changes of populations are adjusted for sex and age (a number)"
    )
    assert any("allow for pairs and batches only" in s for s in donors["sentences"])
    run(typed)
    plain = cg.get.populations(typed, by="cell_type")
    assert (plain["ci_low"] != populations["ci_low"]).all()


def test_without_a_formula_there_is_the_condition_alone(typed: ad.AnnData) -> None:
    run(typed)
    effects = cg.get.effects(typed, by="cell_type")
    populations = cg.get.populations(typed, by="cell_type")
    np.testing.assert_allclose(effects["log2_change"], populations["log2_net"])
    np.testing.assert_allclose(effects["p"], populations["p"])
    assert (effects["log2_visible"] > 0).all()
    assert (effects["donors_for_twofold"] >= 3).all()
    assert effects["p_permutation"].isna().all()  # 70 exchanges
    assert cg.get.null(typed, by="cell_type").empty


def test_covariates_are_short_for_a_formula(typed: ad.AnnData) -> None:
    run(typed, covariates=["sex"])
    assert cg.get.params(typed)["donors"]["design"] == "~ condition + sex"


def test_an_interaction_has_both_factors_in_words(typed: ad.AnnData) -> None:
    run(typed, design="~ condition * sex")
    effects = cg.get.effects(typed, by="cell_type").set_index(["contrast", "name"])
    name = typed.obs["cell_type"].iloc[0]
    row = effects.loc[("treated against control: sex m against f", name)]
    inside = [
        2 ** effects.loc[(f"treated against control, sex {s}", name), "log2_change"] for s in "fm"
    ]
    assert row["words"] == (
        f"×{inside[0]:.2f} for treated against control, sex f; "
        f"×{inside[1]:.2f} for treated against control, sex m"
    )


def test_samples_are_replicates_only_when_they_are_named(typed: ad.AnnData) -> None:
    run(typed, sample_key="biopsy")
    sentence = cg.get.params(typed)["donors"]["design_sentence"]
    assert sentence.startswith("16 samples of 8 donors")
    repeated = cg.get.populations(typed, by="cell_type")
    run(typed)
    summed = cg.get.populations(typed, by="cell_type")
    # a random donor effect: sixteen samples do not make the interval that of sixteen donors
    wide, narrow = (t["ci_high"] - t["ci_low"] for t in (summed, repeated))
    assert (narrow / wide).median() > 0.75
    np.testing.assert_allclose(repeated["log2_net"], summed["log2_net"], atol=0.25)
    run(typed, sample_key="donor")
    assert any("no donor effect" in s for s in cg.get.params(typed)["donors"]["sentences"])


def test_absolute_numbers_come_from_counts(typed: ad.AnnData) -> None:
    run(typed, counts_key="total")
    effects = cg.get.effects(typed, by="cell_type")
    np.testing.assert_allclose(effects["log2_absolute"] - effects["log2_change"], 2.0, atol=0.1)
    typed.obs["total"] = -1.0
    with pytest.raises(ValueError, match="must be"):
        cg.get.effects(typed, by="cell_type")


def test_labels_of_one_condition_only_are_a_sentence(typed: ad.AnnData) -> None:
    typed.obs["half"] = typed.obs["cell_type"].where(typed.obs["condition"] == "control")
    with pytest.raises(ValueError, match="No cell of the target 'treated' has a label in 'half'"):
        cg.get.effects(typed, by="half")


def test_without_donors_or_populations_there_is_no_row(typed: ad.AnnData) -> None:
    fit = cg.get.fit(typed)
    cg.tl.annotate(typed, fit, condition_key="condition", source="control", target="treated")
    for by in (None, "cell_type"):
        assert cg.get.effects(typed, by=by).empty
    with pytest.raises(ValueError, match="design and sample_key need donors"):
        run(typed, design="~ condition + sex")


def test_a_batch_enters_the_formula_once(typed: ad.AnnData) -> None:
    columns = ["name", "log2_net", "ci_low", "ci_high", "p", "q"]
    run(typed, batch_key="sex")
    with_batch = cg.get.populations(typed, by="cell_type")[columns]
    for options in ({"design": "~ condition + sex"}, {"design": "~ condition", "batch_key": "sex"}):
        run(typed, **options)
        under_design = cg.get.populations(typed, by="cell_type")[columns]
        pd.testing.assert_frame_equal(with_batch, under_design)
