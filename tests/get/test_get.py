from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.automatic.sensitivity import along_rho

COLUMNS = {
    "factors": "component name share_source share_target outflow log2_outflow inflow log2_net "
    "ci_low ci_high p q n_cells n_cells_target reason interval_from status p_moderated "
    "p_permutation log2_relative relative_low relative_high settled",
    "transfers": "source target source_component target_component mass share_of_source "
    "share_of_target ci_low ci_high",
    "arrivals": "component name share_target inflow log2_inflow main_source "
    "share_from_main_source n_cells status",
    "shifts": "source target source_component target_component share_of_source mean_shift "
    "covariance_shift total_shift mean_shift_sd total_shift_sd unbiased_shift_sd ci_low "
    "ci_high top_genes",
    "genes": "component name gene log2_change common_change specific_change loading_change "
    "loading_log2_sd de_log2_change de_p de_q agreement mean_source mean_target fraction_source "
    "fraction_target ambient_share rank n_subpopulations n_specific scope",
    "gene_agreement": "component name n_genes n_loading n_tested n_significant "
    "r_expression_loading r_expression_de r_loading_de agree_top loading_reason de_reason "
    "resembles",
    "donors": "side condition donor component name share n_cells",
    "components": "side component name weight share n_cells markers cell_type cell_type_purity",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_those_of_the_contract(fitted: ad.AnnData, name: str) -> None:
    frame = getattr(cg.get, name)(fitted)
    assert list(frame) == COLUMNS[name].split()
    assert len(frame) > 0
    assert isinstance(frame.index, pd.RangeIndex)
    texts = [c for c in frame if frame[c].dtype == object]
    assert all(isinstance(v, str) for c in texts for v in frame[c])
    # a table that was handed out can be changed without changing the object
    frame.iloc[:, 0] = frame.iloc[::-1, 0].to_numpy()
    pd.testing.assert_frame_equal(
        getattr(cg.get, name)(fitted), getattr(cg.get, name)(fitted.copy())
    )


@pytest.mark.parametrize("name", [*COLUMNS, "params", "fit", "carried_donors"])
def test_objects_without_a_fit_are_refused(simulated: ad.AnnData, name: str) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.fit"):
        getattr(cg.get, name)(simulated)


def test_genes_name_the_step_that_is_missing(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.genes"):
        cg.get.genes(simulated)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.genes"):
        cg.get.gene_agreement(simulated)
    assert (cg.get.shifts(simulated)["top_genes"] == "").all()


def test_accounting_identities(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    factors, transfers = cg.get.factors(fitted), cg.get.transfers(fitted)
    arrivals = cg.get.arrivals(fitted)
    assert (factors["share_source"] * 2 ** factors["log2_net"]).sum() == pytest.approx(1)
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
    # log2_net is the ratio of the two shares beside it
    np.testing.assert_allclose(
        factors["log2_net"], np.log2(factors["share_target"] / factors["share_source"])
    )


def test_cells_that_voted_outside_the_coupling_are_told(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    """Shares of a target add up, although the coupling gives the pair next to nothing."""
    votes = fit.origin.copy()
    k, j = np.unravel_index(votes.argmin(), votes.shape)
    assert fit.coupling[k, j] < 1e-7
    votes[:, j] *= 0.9
    votes[k, j] += 0.1
    cg.tl.annotate(simulated, replace(fit, votes=votes), **call)
    table = cg.get.transfers(simulated)
    shares = table.groupby("target_component")["share_of_target"].sum()
    np.testing.assert_allclose(shares, 1, atol=1e-4)
    row = table[(table["source_component"] == k) & (table["target_component"] == j)].iloc[0]
    assert row["share_of_target"] == pytest.approx(0.1, abs=1e-4)
    assert row["share_of_source"] < 1e-4


def test_what_is_gone_has_no_main_counterpart(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    coupling = fit.coupling.copy()
    coupling[2] = 0.0
    lost = replace(fit, coupling=coupling)
    lost = replace(lost, sensitivity=[choice.to_row() for choice in along_rho(lost)])
    cg.tl.annotate(simulated, lost, **call)
    main = cg.get.sensitivity(simulated).groupby("component")["main_target"].agg(set)
    assert main[2] == {""}
    assert all("" not in names for k, names in main.items() if k != 2)
    assert list(np.isnan(cg.get.factors(simulated)["inflow"])) == [k == 2 for k in range(6)]


def test_shift_parts_add_up(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    shifts = cg.get.shifts(fitted)
    np.testing.assert_allclose(
        shifts["mean_shift"] ** 2 + shifts["covariance_shift"] ** 2,
        shifts["total_shift"] ** 2,
        rtol=1e-6,
    )
    within = np.trace(fit.source.covariances, axis1=1, axis2=2).mean()
    np.testing.assert_allclose(shifts["total_shift_sd"] * np.sqrt(within), shifts["total_shift"])


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
def test_gone_and_new_are_said(couple: Callable, *, kept_empty: bool) -> None:
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
    assert "0 cells in the target" in factors["reason"][0]
    assert set(cg.get.arrivals(adata)["status"]) == {""}

    back = couple(target, source, shares_source=shares)
    cg.tl.annotate(adata, back, **call, source="target", target="source", key_added="back")
    arrivals = cg.get.arrivals(adata, key="back")
    assert list(arrivals["status"]) == ["new", "", "", ""]
    cg.pl.factors(adata).figure.canvas.draw()
    cg.pl.donors(adata).canvas.draw()


def test_names_are_untrusted_text(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> None:
    nasty = {"Alpha": "<script>alert(1)</script>", "Beta": "a/b\tc\nd", "Gamma": "$x_{1}$"}
    simulated.obs["type"] = simulated.obs["cell_type"].astype(str).map(lambda v: nasty.get(v, v))
    cg.tl.annotate(simulated, fit, **call, name_by="type")
    names = set(cg.get.factors(simulated)["name"])
    assert {"<script>alert(1)</script>", "a/b c d", "$x_{1}$"} <= names
    for plot in ("factors", "transfers", "flow", "components", "shifts"):
        getattr(cg.pl, plot)(simulated).figure.canvas.draw()
