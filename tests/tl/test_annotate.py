"""A fit is written into an object: which fields, and into which objects."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg

FRAMES = ("components", "factors", "transfers", "arrivals", "shifts", "donors")
OBS = ["cgmm_component", "cgmm_log2_net_factor", "cgmm_shift"]
OBSM = ["cgmm_responsibilities", "cgmm_displacement", "cgmm_projected"]


def test_writes_the_fields_of_the_contract_and_no_others(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    before = simulated.copy()
    assert cg.tl.annotate(simulated, fit, **call, donor_key="donor") is None
    assert set(simulated.obs) - set(before.obs) == set(OBS)
    assert set(simulated.obsm) - set(before.obsm) == set(OBSM)
    assert set(simulated.uns) - set(before.uns) == {"cgmm"}
    pd.testing.assert_frame_equal(simulated.obs[list(before.obs)], before.obs)
    pd.testing.assert_frame_equal(simulated.var, before.var)
    np.testing.assert_array_equal(simulated.obsm["X_pca"], before.obsm["X_pca"])
    assert (simulated.X != before.X).nnz == 0
    assert isinstance(simulated.uns["cgmm"]["params"], str)


def test_copy_leaves_the_object_alone_and_gives_the_same(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    copy = cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="run", copy=True)
    assert "run" not in simulated.uns
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="run")
    for name in FRAMES:
        frames = [getattr(cg.get, name)(a, key="run") for a in (copy, simulated)]
        pd.testing.assert_frame_equal(*frames)


def test_views_and_other_conditions(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> None:
    obs = simulated.obs["condition"].astype(str).to_numpy(object)
    third = simulated[obs == "treated"].copy()
    third.obs["condition"] = "washout"
    third.obs_names = [f"w{n}" for n in third.obs_names]
    third.obsm["X_pca"][:] = np.nan  # cells of other conditions need no representation
    everything = ad.concat([simulated, third])
    everything.obs["condition"] = everything.obs["condition"].astype(str)
    cg.tl.annotate(everything, fit, **call, donor_key="donor")
    other = (everything.obs["condition"] == "washout").to_numpy()
    assert everything.obs.loc[other, OBS].isna().all(axis=None)
    assert everything.obs.loc[~other, "cgmm_component"].notna().all()
    assert all(np.isnan(everything.obsm[name][other]).all() for name in OBSM)

    view = everything[~other]
    assert view.is_view
    cg.tl.annotate(view, fit, **call, donor_key="donor", key_added="again")
    for name in FRAMES:
        pd.testing.assert_frame_equal(
            getattr(cg.get, name)(view, key="again"), getattr(cg.get, name)(everything)
        )
    assert "again" not in everything.uns


def test_a_fit_of_other_dimensions_is_refused(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    with pytest.raises(ValueError, match="has 6 dimensions, but X_pca gives 3"):
        cg.tl.annotate(simulated, fit, **call, n_dims=3)


def test_unequal_numbers_of_components(
    simulated: ad.AnnData, fit: cg.CoupledFit, couple: Callable, call: dict
) -> None:
    five, seven = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 5]
    sides = [
        cg.GaussianMixture(np.full(len(k), 1 / len(k)), m.means[k], m.covariances[k])
        for m, k in ((fit.source, five), (fit.target, seven))
    ]
    fit = couple(*sides)
    cg.tl.annotate(simulated, fit, **call)
    assert simulated.obsm["cgmm_responsibilities"].shape[1] == 7
    source = (simulated.obs["condition"] == "control").to_numpy()
    assert np.isnan(simulated.obsm["cgmm_responsibilities"][source, 5:]).all()
    factors = cg.get.factors(simulated)
    arrivals = cg.get.arrivals(simulated)
    known = arrivals.loc[arrivals["status"] != "new", "share_target"].sum()
    net = 2 ** factors["log2_net"]
    assert (factors["share_source"] * net).sum() == pytest.approx(known)
    assert len(cg.get.arrivals(simulated)) == 7
    assert all("No donors" in r for r in factors["reason"])
    assert cg.get.donors(simulated).empty


def test_only_a_fit_is_written(simulated: ad.AnnData, call: dict) -> None:
    with pytest.raises(TypeError, match="fit must be a CoupledFit, as fit_coupled returns it"):
        cg.tl.annotate(simulated, {}, **call)  # type: ignore[arg-type]
