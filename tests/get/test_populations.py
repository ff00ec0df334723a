"""Populations that the user's labels name: their rows, tests and what the fit says of them."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.get._populations import label_notices


@pytest.fixture
def typed(fitted: ad.AnnData) -> ad.AnnData:
    fitted.obs["cell_type"] = fitted.obs["cell_type"].astype(str)
    return fitted


def thinned(adata: ad.AnnData, name: str, keep: float, *, condition: str = "treated") -> ad.AnnData:
    """Without a part of the cells of a type in one condition; the fit is left as it is."""
    rng = np.random.default_rng(0)
    drop = (
        (adata.obs["cell_type"] == name).to_numpy()
        & (adata.obs["condition"] == condition).to_numpy()
        & (rng.random(adata.n_obs) >= keep)
    )
    return adata[~drop].copy()


def test_every_label_has_a_row_and_the_factor_is_that_of_its_shares(typed: ad.AnnData) -> None:
    table = cg.get.populations(typed, by="cell_type")
    assert set(table["name"]) == set(typed.obs["cell_type"])
    np.testing.assert_allclose(
        table["log2_net"], np.log2(table["share_target"] / table["share_source"])
    )
    counts = pd.crosstab(typed.obs["cell_type"], typed.obs["condition"]).loc[table["name"]]
    np.testing.assert_array_equal(table["n_cells"], counts["control"])
    np.testing.assert_array_equal(table["n_cells_target"], counts["treated"])


def test_the_true_factors_are_found(typed: ad.AnnData) -> None:
    table = cg.get.populations(typed, by="cell_type").set_index("name")
    truth = pd.Series(typed.uns["truth"]["log2_net"], index=typed.uns["truth"]["names"])
    common = table.index.intersection(truth.index)
    assert len(common) > 3
    assert np.abs(table.loc[common, "log2_net"] - truth[common]).max() < 0.6


def test_a_loss_to_nothing_is_tested_and_called_gone(typed: ad.AnnData) -> None:
    name = typed.obs["cell_type"].value_counts().index[1]
    row = cg.get.populations(thinned(typed, name, 0.0), by="cell_type").set_index("name").loc[name]
    assert row["status"] == "gone"
    assert row["ci_high"] < -2
    assert row["q"] < 0.05
    back = thinned(typed, name, 0.0, condition="control")
    row = cg.get.populations(back, by="cell_type").set_index("name").loc[name]
    assert row["status"] == "new"
    assert row["ci_low"] > 2


def test_labels_that_the_fit_does_not_see_are_marked(typed: ad.AnnData) -> None:
    rng = np.random.default_rng(0)
    typed.obs["coin"] = np.where(rng.random(typed.n_obs) < 0.2, "heads", "tails")
    table = cg.get.populations(typed, by="coin").set_index("name")
    assert table.loc["heads", "fit_says"] == "no component"
    assert table.loc["tails", "fit_says"] == ""


def test_a_factor_that_the_fit_misses_is_marked(typed: ad.AnnData) -> None:
    typed.obs["mixed"] = typed.obs["cell_type"]
    name = typed.obs["cell_type"].value_counts().index[0]
    inside = (typed.obs["cell_type"] == name) & (typed.obs["condition"] == "treated")
    rows = np.flatnonzero(inside)
    other = typed.obs["cell_type"].value_counts().index[1]
    column = typed.obs.columns.get_loc("mixed")
    typed.obs.iloc[rows[: int(0.6 * len(rows))], column] = other
    table = cg.get.populations(typed, by="mixed").set_index("name")
    assert table.loc[name, "fit_says"] == "differs"


def test_cells_without_a_label_count_in_the_totals_and_have_no_row(typed: ad.AnnData) -> None:
    whole = cg.get.populations(typed, by="cell_type").set_index("name")
    rng = np.random.default_rng(0)
    typed.obs["part"] = typed.obs["cell_type"].where(rng.random(typed.n_obs) < 0.7)
    table = cg.get.populations(typed, by="part").set_index("name")
    assert set(table.index) == set(whole.index)
    np.testing.assert_allclose(table["share_source"].sum(), 0.7, atol=0.05)


def test_missing_labels_are_a_notice(typed: ad.AnnData) -> None:
    fit, call = cg.get.fit(typed), {"condition_key": "condition", "source": "control"}
    rng = np.random.default_rng(0)
    typed.obs["part"] = typed.obs["cell_type"].where(rng.random(typed.n_obs) < 0.7)
    for column, expected in (("cell_type", 0), ("part", 1), (None, 0)):
        cg.tl.annotate(typed, fit, **call, target="treated", name_by=column, key_added="named")
        notices = label_notices(typed, key="named")
        assert len(notices) == expected
    cg.tl.annotate(typed, fit, **call, target="treated", name_by="part", key_added="named")
    assert "have no label in 'part'" in label_notices(typed, key="named")[0]


def test_labels_of_one_condition_only_are_a_sentence(typed: ad.AnnData) -> None:
    typed.obs["half"] = typed.obs["cell_type"].where(typed.obs["condition"] == "control")
    with pytest.raises(ValueError, match="No cell of the target 'treated' has a label in 'half'"):
        cg.get.populations(typed, by="half")


def test_a_fit_without_annotation_has_an_empty_table(typed: ad.AnnData) -> None:
    table = cg.get.populations(typed)
    assert table.empty
    assert "log2_net" in table


def test_without_donors_there_are_shares_and_a_reason(typed: ad.AnnData) -> None:
    fit = cg.get.fit(typed)
    cg.tl.annotate(typed, fit, condition_key="condition", source="control", target="treated")
    table = cg.get.populations(typed, by="cell_type")
    assert np.isfinite(table["log2_net"]).all()
    assert table["p"].isna().all()
    assert table["reason"].str.startswith("No donors were given").all()


def assigned(adata: ad.AnnData, fit: cg.CoupledFit, call: dict, part: float) -> ad.AnnData:
    """Populations are the types; of the target cells of the largest, a part came from the next."""
    kinds = adata.obs["cell_type"].astype("category").cat.codes.to_numpy()
    source = (adata.obs["condition"] == call["source"]).to_numpy()
    own = kinds[~source]
    largest, other = np.argsort(-np.bincount(own))[:2]
    first = np.array([np.flatnonzero(kinds[source] == kind)[0] for kind in range(kinds.max() + 1)])
    came = own.copy()
    inside = np.flatnonzero(own == largest)
    came[inside[: int(part * len(inside))]] = other
    found = replace(
        fit,
        populations_source=kinds[source],
        populations_target=own,
        populations_elsewhere=np.zeros((7, kinds.max() + 1)),
        origins=first[came],
    )
    return cg.tl.annotate(adata, found, **call, donor_key="donor", copy=True)


def test_a_found_population_has_the_factor_of_the_assigned_cells_beside_it(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    same = cg.get.populations(assigned(simulated, fit, call, 0.0))
    np.testing.assert_allclose(same["log2_net_fit"], same["log2_net"])
    assert (same["fit_says"] == "").all()
    moved = assigned(simulated, fit, call, 0.6)
    table = cg.get.populations(moved)
    largest = table["n_cells_target"].idxmax()
    assert table.loc[largest, "log2_net_fit"] < table.loc[largest, "log2_net"] - 0.6
    assert table.loc[largest, "fit_says"] == "differs"
    np.testing.assert_allclose(table["log2_net"], same["log2_net"])  # counted over its own cells
    counts = moved.obs.loc[moved.obs["condition"] == call["target"], "cgmm_origin"].value_counts()
    assert counts[table.loc[largest, "name"]] == pytest.approx(
        0.4 * table.loc[largest, "n_cells_target"], abs=1
    )
    assert moved.obs.loc[moved.obs["condition"] == call["source"], "cgmm_origin"].isna().all()


def test_assignments_across_the_border_widen_the_interval(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    width = {}
    for part in (0.0, 0.6):
        table = cg.get.populations(assigned(simulated, fit, call, part)).set_index("name")
        width[part] = table["ci_high"] - table["ci_low"]
    largest = table["n_cells_target"].idxmax()
    assert width[0.6][largest] > width[0.0][largest]
    assert (width[0.6] >= width[0.0] - 1e-9).all()
