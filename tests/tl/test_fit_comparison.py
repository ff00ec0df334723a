"""A fit without annotation is the fit that tl.fit stores."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm.tl._fit_comparison import checked_sides, fit_comparison

CALL = {"condition_key": "condition", "source": "source", "target": "target", "donor_key": "donor"}


@pytest.fixture
def drawn() -> ad.AnnData:
    sample = cg.simulate.points(n_components=2, n_dims=3, n_cells=300, shift=1.0, separation=12)
    return sample.to_anndata()


def test_the_fit_is_that_of_tl_fit_and_nothing_is_written(drawn: ad.AnnData) -> None:
    before = drawn.copy()
    fit = fit_comparison(drawn, Comparison(**CALL), n_components=2, random_state=1)
    assert list(drawn.obs) == list(before.obs)
    assert set(drawn.obsm) == set(before.obsm)
    assert set(drawn.uns) == set(before.uns)
    cg.tl.fit(drawn, **CALL, n_components=2, random_state=1)
    stored = cg.get.fit(drawn)
    for name in (
        "coupling",
        "costs",
        "history",
        "metric",
        "votes",
        "log2_net_cells",
        "log2_net_target_cells",
    ):
        np.testing.assert_array_equal(getattr(fit, name), getattr(stored, name))
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(fit.source, name), getattr(stored.source, name))
    assert fit.parameters == stored.parameters
    assert fit.reasons == stored.reasons


def test_what_cannot_be_fitted_is_refused(drawn: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="no donor is"):
        checked_sides(drawn, Comparison(**CALL, paired=True))
    with pytest.raises(ValueError, match="has 20 cells; a fit needs at least 50"):
        checked_sides(drawn[:320].copy(), Comparison(**CALL))
