"""What tl.donors stores has its names, and one row per donor and component."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import UncertaintyKeys, Uns
from cgmm._anndata.sides import take_sides
from cgmm.donors.design import design
from cgmm.tl._uncertainty_tables import position_table


def test_everything_is_stored_under_its_name(fitted: ad.AnnData) -> None:
    cg.tl.donors(fitted)
    stored = fitted.uns["cgmm"][Uns.UNCERTAINTY]
    assert set(stored) == {v for name, v in vars(UncertaintyKeys).items() if name.isupper()}
    assert len(stored[UncertaintyKeys.FACTORS]) == 6
    pairs = cg.get.shifts(fitted)[["source_component", "target_component"]]
    shifts = stored[UncertaintyKeys.SHIFTS]
    assert set(map(tuple, pairs.to_numpy())) <= set(
        zip(shifts["source_component"], shifts["target_component"], strict=True)
    )


def test_target_donors_lie_along_the_shift(couple: Callable) -> None:
    drawn = cg.simulate.points(n_components=2, n_donors=3, n_cells=600, shift=4.0, separation=30)
    truth = drawn.truth
    fit = couple(
        *(
            cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
            for s in ("source", "target")
        )
    )
    comparison = Comparison(
        condition_key="condition", source="source", target="target", donor_key="donor"
    )
    sides = take_sides(drawn.to_anndata(), comparison)
    plan = design(*sides.donors, paired=False, n_cells=(600, 600))
    table = position_table(fit, sides.points, sides.donors, plan, 0)
    assert len(table) == 2 * 3 * 2
    assert set(table["donor"]) == {f"D{i:02d}" for i in range(1, 7)}
    at = table.groupby("side", observed=True)["position"].mean()
    assert at["source"] == pytest.approx(0, abs=0.3)
    assert at["target"] == pytest.approx(4, abs=0.3)
    per_donor = table.groupby(["side", "donor"], observed=True)["n_cells"].sum()
    np.testing.assert_allclose(per_donor, 200)
