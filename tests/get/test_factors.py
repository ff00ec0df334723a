"""Factors are ratios of shares that add up, whatever the order of components and sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_shares_masses_and_factors_add_up(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    factors, transfers = cg.get.factors(fitted), cg.get.transfers(fitted)
    arrivals = cg.get.arrivals(fitted)
    assert factors["share_source"].sum() == pytest.approx(1)
    assert factors["share_target"].sum() == pytest.approx(1)
    assert arrivals["share_target"].sum() == pytest.approx(1)
    assert transfers["mass"].sum() == pytest.approx(1, abs=1e-4)
    for share, side in (
        ("share_of_source", "source_component"),
        ("share_of_target", "target_component"),
    ):
        np.testing.assert_allclose(transfers.groupby(side)[share].sum(), 1, atol=1e-4)
    # pi1_l = sum_k pi0_k out_k T_kl in_l, with the fitted weights
    parts = cg.get.components(fitted)
    pi = {s: parts.loc[parts["side"] == s, "weight"].to_numpy() for s in ("source", "target")}
    to = fit.coupling / fit.coupling.sum(axis=1, keepdims=True)
    carried = (pi["source"] * factors["outflow"].to_numpy()) @ to
    np.testing.assert_allclose(carried * arrivals["inflow"], pi["target"], rtol=1e-9)
    # log2_net is the ratio of typical shares, near that of the mean shares beside it
    means = np.log2(factors["share_target"] / factors["share_source"])
    np.testing.assert_allclose(factors["log2_net"], means, atol=0.2)


def test_permuting_components_permutes_the_rows(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    rng = np.random.default_rng(0)
    p, q = rng.permutation(6), rng.permutation(6)

    def turned(mixture: cg.GaussianMixture, order: np.ndarray) -> cg.GaussianMixture:
        return cg.GaussianMixture(
            mixture.weights[order], mixture.means[order], mixture.covariances[order]
        )

    other = replace(
        fit,
        source=turned(fit.source, p),
        target=turned(fit.target, q),
        coupling=fit.coupling[np.ix_(p, q)],
        costs=fit.costs[np.ix_(p, q)],
        shares_source=fit.shares_source[p],
        shares_target=fit.shares_target[q],
    )
    cg.tl.annotate(simulated, fit, **call, donor_key="donor")
    cg.tl.annotate(simulated, other, **call, donor_key="donor", key_added="turned")
    a = cg.get.factors(simulated).set_index("name")
    b = cg.get.factors(simulated, key="turned").set_index("name").loc[a.index]
    numbers = ["share_source", "share_target", "outflow", "log2_net", "ci_low", "p", "q"]
    np.testing.assert_allclose(a[numbers], b[numbers], rtol=1e-6)


def test_swapping_the_conditions_inverts_the_factors(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    back = replace(
        fit,
        source=fit.target,
        target=fit.source,
        coupling=fit.coupling.T.copy(),
        costs=fit.costs.T.copy(),
        shares_source=fit.shares_target,
        shares_target=fit.shares_source,
    )
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    swapped = {**call, "source": call["target"], "target": call["source"]}
    cg.tl.annotate(
        simulated, back, **swapped, donor_key="donor", name_by="cell_type", key_added="back"
    )
    a = cg.get.factors(simulated).set_index("name")
    b = cg.get.factors(simulated, key="back").set_index("name").loc[a.index]
    # the coupling of these well separated types is one to one
    np.testing.assert_allclose(a["log2_net"], -b["log2_net"], atol=1e-3)
    np.testing.assert_allclose(a["ci_low"], -b["ci_high"], atol=1e-2)
    np.testing.assert_allclose(a["p"], b["p"], rtol=2e-2)


@pytest.mark.parametrize("kept_empty", [False, True])
def test_gone_and_new_subpopulations_have_a_status(couple: Callable, *, kept_empty: bool) -> None:
    """A subpopulation without target cells, whether or not a component is left in its place."""
    drawn = cg.simulate.points(log2_change=[-np.inf, 0.0, 0.0, 0.0], separation=24)
    truth = drawn.truth
    source = cg.GaussianMixture(truth["shares_source"], truth["source_means"], truth["covariances"])
    keep = [0, 1, 2, 3] if kept_empty else [1, 2, 3]
    shares = truth["shares_target"][keep]
    target = cg.GaussianMixture(
        np.maximum(shares, 1e-4), truth["target_means"][keep], truth["covariances"][keep]
    )
    fit = couple(source, target, shares_target=shares)
    adata = drawn.to_anndata()
    call = {"condition_key": "condition", "name_by": "cell_type", "donor_key": "donor"}
    cg.tl.annotate(adata, fit, **call, source="source", target="target")
    factors = cg.get.factors(adata)
    assert list(factors["status"]) == ["gone", "", "", ""]
    assert factors["reason"][0] == ""  # a loss of all cells is tested
    assert factors["ci_high"][0] < -4
    assert set(cg.get.arrivals(adata)["status"]) == {""}

    back = couple(target, source, shares_source=shares)
    cg.tl.annotate(adata, back, **call, source="target", target="source", key_added="back")
    arrivals = cg.get.arrivals(adata, key="back")
    assert list(arrivals["status"]) == ["new", "", "", ""]
    cg.pl.factors(adata).figure.canvas.draw()
    cg.pl.donors(adata).canvas.draw()
