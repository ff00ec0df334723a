"""The cells of both conditions are taken as they are, and checked once."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.point_checks import check_no_counts
from cgmm._anndata.sides import (
    cell_weights,
    check_pairing,
    rows_of_fit,
    take_sides,
)


@pytest.mark.parametrize("kind", ["category", "object", "string", "ordered", "number"])
def test_conditions_and_donors_may_be_of_any_text_type(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict, kind: str
) -> None:
    cg.tl.annotate(simulated, fit, **call, donor_key="donor")
    expected = cg.get.factors(simulated)
    values = simulated.obs["condition"].astype(str).to_numpy(object)
    if kind == "number":
        simulated.obs["condition"] = np.where(values == "control", 0, 1)
        call = {**call, "source": 0, "target": 1}
    elif kind == "ordered":
        simulated.obs["condition"] = pd.Categorical(
            values, categories=["treated", "unused", "control"], ordered=True
        )
    else:
        for name in ("condition", "donor"):
            simulated.obs[name] = pd.Series(
                simulated.obs[name].astype(str).to_numpy(object),
                index=simulated.obs_names,
                dtype=kind,
            )
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="again")
    pd.testing.assert_frame_equal(cg.get.factors(simulated, key="again"), expected)
    cg.get.factors(simulated, key="again", by="condition")


def test_sides_are_the_cells_of_both_conditions(simulated: ad.AnnData, call: dict) -> None:
    sides = take_sides(simulated, Comparison(**call, n_dims=3, donor_key="donor"))
    for name, rows, points, donors in zip(
        ("control", "treated"), sides.rows, sides.points, sides.donors, strict=True
    ):
        assert (simulated.obs["condition"].iloc[rows] == name).all()
        np.testing.assert_array_equal(points, simulated.obsm["X_pca"][rows, :3])
        assert list(donors) == list(simulated.obs["donor"].iloc[rows].astype(str))
    assert sum(map(len, sides.rows)) == simulated.n_obs
    assert sides.n_dims == 3


def test_precision_is_that_of_the_representation(simulated: ad.AnnData, call: dict) -> None:
    simulated.obsm["X_half"] = simulated.obsm["X_pca"].astype(np.float32)
    simulated.obsm["X_whole"] = np.rint(simulated.obsm["X_pca"]).astype(int)
    for name, dtype in (("X_half", np.float32), ("X_whole", np.float64)):
        sides = take_sides(simulated, Comparison(**call, use_rep=name))
        assert sides.dtype == dtype
        assert sides.points.source.dtype == np.float64


def test_donors_count_equally(simulated: ad.AnnData, call: dict) -> None:
    sides = take_sides(simulated, Comparison(**call, donor_key="donor"))
    for weights, donors in zip(cell_weights(sides), sides.donors, strict=True):
        per_donor = pd.Series(weights).groupby(donors).sum()
        np.testing.assert_allclose(per_donor, per_donor.iloc[0])
    assert cell_weights(take_sides(simulated, Comparison(**call))) == (None, None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target": "Treated"}, "Write it as 'treated', with the same case and blanks"),
        ({"target": "control"}, "needs two different conditions"),
        ({"donor_key": "cell"}, "it seems to tell cells apart"),
        ({"use_rep": "X_flat"}, "is the same for all 800 cells of condition 'control'"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(
    simulated: ad.AnnData, call: dict, change: dict, sentence: str
) -> None:
    simulated.obs["cell"] = simulated.obs_names
    simulated.obsm["X_flat"] = np.zeros((simulated.n_obs, 2))
    with pytest.raises(ValueError, match=sentence):
        take_sides(simulated, Comparison(**{**call, **change}))


def test_counts_are_no_representation(simulated: ad.AnnData, call: dict) -> None:
    simulated.X = simulated.layers["counts"].toarray()
    with pytest.raises(ValueError, match="seems to be counts, which are no Gaussians"):
        check_no_counts(take_sides(simulated, Comparison(**call, use_rep="X")).points.source, "X")
    check_no_counts(take_sides(simulated, Comparison(**call)).points.source, "X_pca")


def test_pairing_needs_donors_in_both_conditions(simulated: ad.AnnData, call: dict) -> None:
    with pytest.raises(ValueError, match="paired=True needs donors"):
        check_pairing(take_sides(simulated, Comparison(**call)), paired=True)
    apart = take_sides(simulated, Comparison(**call, donor_key="donor"))
    with pytest.raises(ValueError, match="no donor is"):
        check_pairing(apart, paired=True)
    check_pairing(apart, paired=False)
    simulated.obs["person"] = (
        simulated.obs["donor"].astype(str).str[-1].replace({"5": "1", "6": "2", "7": "3", "8": "4"})
    )
    check_pairing(take_sides(simulated, Comparison(**call, donor_key="person")), paired=True)


def test_rows_of_a_fit_are_by_side(fitted: ad.AnnData) -> None:
    rows = rows_of_fit(fitted, cg.get.params(fitted))
    assert (fitted.obs["condition"].iloc[rows["target"]] == "treated").all()
