"""Results of single cells agree with the tables."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np

import cgmm as cg


def test_cell_order_is_of_no_consequence(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    order = np.random.default_rng(0).permutation(simulated.n_obs)
    turned = simulated[order].copy()
    cg.tl.annotate(simulated, fit, **call, donor_key="donor")
    cg.tl.annotate(turned, fit, **call, donor_key="donor")
    np.testing.assert_array_equal(
        turned.obs["cgmm_component"].astype(str),
        simulated.obs["cgmm_component"].astype(str).iloc[order],
    )
    for name in ("cgmm_log2_net_factor", "cgmm_shift"):
        np.testing.assert_allclose(turned.obs[name], simulated.obs[name].iloc[order], rtol=1e-6)
    np.testing.assert_allclose(
        cg.get.factors(turned)["p"], cg.get.factors(simulated)["p"], rtol=1e-6
    )


def test_per_cell_fields_agree_with_the_tables(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    condition = fitted.obs["condition"].astype(str).to_numpy()
    source, target = condition == "control", condition == "treated"
    r = fitted.obsm["cgmm_responsibilities"]
    np.testing.assert_allclose(np.nansum(r, axis=1), 1)
    # donors count equally: the mean of their shares is the share of the component
    donors = cg.get.donors(fitted)
    for side, shares in (("source", fit.shares_source), ("target", fit.shares_target)):
        mean = donors[donors["side"] == side].groupby("component")["share"].mean()
        np.testing.assert_allclose(mean, shares, atol=1e-4)
    # a cell that belongs to one component has that component's factor
    factors = cg.get.factors(fitted)
    sure = source & (r.max(axis=1) > 1 - 1e-9)
    expected = factors.set_index("name")["log2_net_fit"][fitted.obs["cgmm_component"][sure]]
    np.testing.assert_allclose(
        fitted.obs["cgmm_log2_net_factor"][sure], expected.to_numpy(), atol=1e-6
    )
    shift = fitted.obs["cgmm_shift"].to_numpy()
    moves = fitted.obsm["cgmm_displacement"]
    assert moves.dtype == fitted.obsm["X_pca"].dtype
    np.testing.assert_allclose(shift[source], np.linalg.norm(moves[source], axis=1), rtol=1e-5)
    assert np.isnan(shift[target]).all()


def test_a_cell_without_counterpart_has_no_place(couple: Callable) -> None:
    drawn = cg.simulate.points(log2_change=[-np.inf, 0.0, 0.0, 0.0], separation=24)
    truth = drawn.truth
    source = cg.GaussianMixture(truth["shares_source"], truth["source_means"], truth["covariances"])
    target = cg.GaussianMixture(
        truth["shares_target"][1:] + 1e-9, truth["target_means"][1:], truth["covariances"][1:]
    )
    fit = couple(source, target)
    adata = drawn.to_anndata()
    cg.tl.annotate(adata, fit, condition_key="condition", source="source", target="target")
    gone = (drawn.condition == "source") & (drawn.component == 0)
    here = (drawn.condition == "source") & (drawn.component != 0)
    assert np.isnan(adata.obsm["cgmm_projected"][gone]).all()
    assert adata.obs["cgmm_shift"][gone].isna().all()
    assert (adata.obs["cgmm_log2_net_factor"][gone] < -10).all()
    np.testing.assert_allclose(
        adata.obsm["cgmm_projected"][here],
        adata.obsm["X_pca"][here] + adata.obsm["cgmm_displacement"][here],
    )
    # the other way round it is new
    back = couple(target, source)
    cg.tl.annotate(
        adata, back, condition_key="condition", source="target", target="source", key_added="back"
    )
    assert np.isposinf(adata.obs["back_log2_net_factor"][gone]).all()
    assert np.isfinite(adata.obs["back_log2_net_factor"][here]).all()
    for color in ("component", "log2_net_factor", "shift"):
        for key in ("cgmm", "back"):
            adata.obsm["X_map"] = adata.obsm["X_pca"][:, :2]
            cg.pl.embedding(adata, color=color, basis="X_map", key=key).canvas.draw()
