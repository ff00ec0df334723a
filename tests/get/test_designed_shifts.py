"""The design formula enters shifts and the influence of donors, and the report of it says so."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from tests.get.doses import doses_of

KEY = "cgmm_high"


@pytest.fixture(scope="module")
def study() -> ad.AnnData:
    """Donors of their own; cells of women lie elsewhere, and women are 1 of 4 and 3 of 4."""
    adata = doses_of(paired=False)
    number = adata.obs["donor"].astype(str).str.split().str[1].astype(int)
    women = np.where(adata.obs["condition"] == "high", number > 0, number > 2)
    adata.obs["sex"] = np.where(women, "f", "m")
    adata.obsm["X_pca"] = adata.obsm["X_pca"] + 1.5 * women[:, None] * np.eye(4)[3]
    return adata


def test_shifts_are_adjusted_like_factors(study: ad.AnnData) -> None:
    adata = study.copy()
    cg.tl.donors(adata, key=KEY)
    plain = cg.get.populations(adata, key=KEY).set_index("name")
    cg.tl.donors(adata, key=KEY, design="~ condition + sex")
    adjusted = cg.get.populations(adata, key=KEY).set_index("name")
    assert (adjusted["shift_sd"] < plain["shift_sd"]).all()
    assert ((adjusted["shift_low"] == 0) == (adjusted["shift_p"] > 0.05)).all()
    [note] = [s for s in cg.get.params(adata, key=KEY)["donors"]["sentences"] if "formula" in s]
    assert note.startswith("The design formula enters factors and shifts of populations")


def test_the_influence_of_donors_is_that_on_the_adjusted_factor(study: ad.AnnData) -> None:
    adata = study.copy()
    cg.tl.donors(adata, key=KEY, design="~ condition + sex")
    found = cg.get.influence(adata, key=KEY)
    kept = adata[(adata.obs["donor"] != "high 2").to_numpy()].copy()
    rest = cg.get.populations(kept, key=KEY).set_index("name")["log2_net"]
    own = found[found["donor"] == "high 2"].set_index("name")["log2_net_without"]
    np.testing.assert_allclose(own.reindex(rest.index), rest)


@pytest.fixture
def regions() -> ad.AnnData:
    """Two samples of each donor; cells of the back lie elsewhere and are more in the high dose."""
    adata = doses_of(paired=False)
    high = (adata.obs["condition"] == "high").to_numpy()
    back = np.random.default_rng(0).random(adata.n_obs) < np.where(high, 0.75, 0.25)
    adata.obs["region"] = np.where(back, "back", "front")
    adata.obs["sample"] = adata.obs["donor"].astype(str) + " " + adata.obs["region"]
    adata.obsm["X_pca"] = adata.obsm["X_pca"] + 2.0 * back[:, None] * np.eye(4)[2]
    return adata


def test_shifts_are_adjusted_for_columns_of_samples(regions: ad.AnnData) -> None:
    plain = cg.get.populations(regions, key=KEY).set_index("name")
    cg.tl.donors(regions, key=KEY, design="~ condition + region", sample_key="sample")
    adjusted = cg.get.populations(regions, key=KEY).set_index("name")
    # regions lie 2 apart, which is 1 SD, and half of the cells of a donor change theirs
    assert plain["shift_sd"].mean() == pytest.approx(0.5, abs=0.1)
    assert adjusted["shift_sd"].mean() < 0.2
    shifts = cg.get.shifts(regions, level="population", key=KEY).set_index("source")
    np.testing.assert_allclose(shifts["unbiased_shift_sd"], adjusted["shift_sd"])
    assert (shifts["mean_shift_sd"] < plain["shift_sd"]).all()  # of the same displacement
    positions = cg.get.donor_shifts(regions, level="population", key=KEY)
    assert set(positions["donor"]) == {
        f"{side} {i}" for side in ("vehicle", "high") for i in range(4)
    }
    assert positions["position_sd"].notna().all()


def test_samples_of_a_donor_are_no_donors_of_their_own(study: ad.AnnData) -> None:
    adata = study.copy()
    summed = cg.get.populations(adata, key=KEY)
    adata.obs["sample"] = np.where(np.arange(adata.n_obs) % 2, "one", "two")
    cg.tl.donors(adata, key=KEY, sample_key="sample")
    repeated = cg.get.populations(adata, key=KEY)
    wide = summed["shift_high"] - summed["shift_low"]
    narrow = repeated["shift_high"] - repeated["shift_low"]
    assert 0.8 < (narrow / wide).median() < 1.2
    np.testing.assert_allclose(repeated["shift_sd"], summed["shift_sd"], atol=0.08)


def test_every_change_of_the_design_has_its_shift(study: ad.AnnData) -> None:
    adata = study.copy()
    number = adata.obs["donor"].astype(str).str.split().str[1].astype(int).to_numpy()
    women, high = number % 2 == 1, (adata.obs["condition"] == "high").to_numpy()
    adata.obs["sex"] = np.where(women, "f", "m")
    # the dose moves the cells of women only
    adata.obsm["X_pca"] = adata.obsm["X_pca"] + 4.0 * (women & high)[:, None] * np.eye(4)[1]
    cg.tl.donors(adata, key=KEY, design="~ condition * sex")
    effects = cg.get.effects(adata, key=KEY)
    populations = cg.get.populations(adata, key=KEY)
    own = effects[effects["kind"] == "condition"].reset_index(drop=True)
    for column in ("shift_sd", "shift_low", "shift_high", "shift_p", "shift_q", "shift_reason"):
        np.testing.assert_array_equal(own[column], populations[column])
    mean = effects.groupby("contrast")["shift_sd"].mean()
    women_only = mean["high against vehicle, sex f"]
    assert women_only > 1.5
    assert mean["high against vehicle, sex m"] < 0.5
    assert mean["high against vehicle: sex m against f"] == pytest.approx(women_only, abs=0.6)
    apart = effects[effects["kind"] == "interaction"]
    assert (apart["shift_q"] < 0.05).all()


@pytest.mark.parametrize("paired", [True, False])
def test_without_a_formula_each_change_has_its_own_shift(study: ad.AnnData, paired: bool) -> None:
    """Batches are crossed with the conditions, so what they move is not what the dose moves."""
    adata = doses_of(paired=True) if paired else study.copy()
    number = adata.obs["donor"].astype(str).str.split().str[1].astype(int)
    adata.obs["run"] = np.where(number % 2, "odd", "even")
    adata.obsm["X_pca"] = adata.obsm["X_pca"] + 6.0 * (number % 2).to_numpy()[:, None]
    cg.tl.donors(adata, key=KEY, **({} if paired else {"batch_key": "run"}))
    effects = cg.get.effects(adata, key=KEY)
    of = {kind: rows.set_index("name")["shift_sd"] for kind, rows in effects.groupby("kind")}
    plain = cg.get.populations(adata, key=KEY).set_index("name")["shift_sd"]
    np.testing.assert_allclose(of["condition"].reindex(plain.index), plain, atol=1e-6)
    assert set(of) == ({"condition"} if paired else {"condition", "factor"})
    if not paired:
        assert (of["factor"] > of["condition"] + 1).all()
