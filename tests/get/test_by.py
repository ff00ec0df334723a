"""Tables summed to an annotation."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils.strict_json import dumps
from cgmm.donors.change import changes
from cgmm.donors.design import design_of_donors
from cgmm.donors.false_discovery import benjamini_hochberg

CALL = {"condition_key": "condition", "source": "source", "target": "target"}
FACTORS = [
    "share_source",
    "share_target",
    "outflow",
    "log2_outflow",
    "log2_net",
    "ci_low",
    "ci_high",
    "p",
    "q",
    "n_cells",
    "n_cells_target",
    "status",
]


@pytest.fixture(scope="module")
def apart(couple: Callable) -> ad.AnnData:
    """Four types so far apart that every component is one of them; Delta is gone."""
    drawn = cg.simulate.points(
        log2_change=[1.0, 0.0, 0.0, -np.inf], separation=24, n_cells=1200, donor_share_sd=0.3
    )
    truth = drawn.truth
    sides = [
        cg.GaussianMixture(
            truth[f"shares_{s}"][:n], truth[f"{s}_means"][:n], truth["covariances"][:n]
        )
        for s, n in (("source", 4), ("target", 3))
    ]
    adata = drawn.to_anndata()
    cg.tl.annotate(adata, couple(*sides), **CALL, donor_key="donor", name_by="cell_type")
    return adata


@pytest.fixture
def mixed(fitted: ad.AnnData) -> ad.AnnData:
    """An annotation that has nothing to do with the components, and a coarser one of it."""
    rng = np.random.default_rng(3)
    fine = rng.choice(np.array(["a1", "a2", "b1", "b2", "c"], dtype=object), size=fitted.n_obs)
    fine[rng.random(fitted.n_obs) < 0.1] = None
    fitted.obs["fine"] = pd.Categorical(fine)
    fitted.obs["coarse"] = pd.Categorical([None if v is None else v[0] for v in fine])
    return fitted


def test_one_type_per_component_gives_the_direct_result(apart: ad.AnnData) -> None:
    direct = cg.get.factors(apart).set_index("name")
    summed = cg.get.factors(apart, by="cell_type").set_index("name").loc[direct.index]
    pd.testing.assert_frame_equal(summed[FACTORS], direct[FACTORS], rtol=1e-6)
    np.testing.assert_allclose(summed["purity"], 1)
    assert summed["status"]["Delta"] == "gone"

    direct = cg.get.transfers(apart).set_index(["source", "target"])
    summed = cg.get.transfers(apart, by="cell_type").set_index(["source", "target"])
    columns = ["mass", "share_of_source", "share_of_target"]
    pd.testing.assert_frame_equal(summed.loc[direct.index, columns], direct[columns], rtol=1e-6)
    assert summed["mass"].drop(direct.index).sum() < 1e-5

    direct = cg.get.arrivals(apart).set_index("name")
    summed = cg.get.arrivals(apart, by="cell_type").set_index("name")
    columns = ["share_target", "inflow", "main_source", "share_from_main_source", "n_cells"]
    pd.testing.assert_frame_equal(summed.loc[direct.index, columns], direct[columns], rtol=1e-6)


def test_totals_are_conserved_whatever_the_annotation(mixed: ad.AnnData) -> None:
    direct, pairs = cg.get.factors(mixed), cg.get.transfers(mixed)
    for by in ("fine", "coarse", "cell_type", "donor"):
        summed = cg.get.factors(mixed, by=by)
        for column in ("share_source", "share_target"):
            assert summed[column].sum() == pytest.approx(direct[column].sum(), abs=1e-12)
        assert summed["share_target_annotated"].sum() == pytest.approx(1)
        table = cg.get.transfers(mixed, by=by)
        assert table["mass"].sum() == pytest.approx(pairs["mass"].sum(), abs=1e-4)
        # rows of one table are the margins of the other
        rows = table.groupby("source")["mass"].sum()
        own = summed.set_index("name").loc[rows.index]
        np.testing.assert_allclose(rows, own["share_target"], atol=1e-9)
        came = table.groupby("target")["mass"].sum()
        arrived = cg.get.arrivals(mixed, by=by).set_index("name")["share_target"]
        np.testing.assert_allclose(came[arrived.index], arrived, atol=1e-9)


def test_levels_of_levels_add_up(mixed: ad.AnnData) -> None:
    """Sums to a fine annotation, summed, are the sums to the coarse one."""
    columns = ["share_source", "share_target", "share_target_annotated"]
    fine, coarse = (cg.get.factors(mixed, by=b).set_index("name") for b in ("fine", "coarse"))
    group = [n if n == "not annotated" else n[0] for n in fine.index]
    np.testing.assert_allclose(
        fine[columns].groupby(group).sum().loc[coarse.index], coarse[columns], rtol=1e-9
    )
    fine, coarse = (cg.get.transfers(mixed, by=b) for b in ("fine", "coarse"))
    short = {n: n if n == "not annotated" else n[0] for n in set(fine["source"])}
    up = fine.assign(source=fine["source"].map(short), target=fine["target"].map(short))
    np.testing.assert_allclose(
        up.groupby(["source", "target"])["mass"].sum(),
        coarse.groupby(["source", "target"])["mass"].sum(),
        rtol=1e-9,
    )


def test_shares_are_those_of_the_annotated_cells(fitted: ad.AnnData) -> None:
    """Donors count equally; what responsibilities blur within a side cancels in the sum."""
    summed = cg.get.factors(fitted, by="cell_type").set_index("name")
    cells = fitted.obs.astype({"condition": str, "donor": str, "cell_type": str})
    for condition, column in (
        ("control", "share_source"),
        ("treated", "share_target_annotated"),
    ):
        part = cells[cells["condition"] == condition]
        shares = pd.crosstab(part["donor"], part["cell_type"], normalize="index").mean()
        np.testing.assert_allclose(summed.loc[shares.index, column], shares, atol=1e-3)


def test_intervals_are_over_the_donors_sums(mixed: ad.AnnData) -> None:
    """The test of the shares per donor, made by hand from the table of the donors."""
    mixed.uns["cgmm"]["params"] = without_sensitivity(mixed)
    row = cg.get.factors(mixed, by="coarse").set_index("name").loc["a"]
    fractions = levels_of_components(mixed, "coarse")
    table = cg.get.carried_donors(mixed)
    shares, donors = [], []
    for side in ("source", "target"):
        part = table[table["side"] == side]
        wide = part.pivot(index="donor", columns="component", values="share")
        shares.append(wide.to_numpy() @ fractions)
        donors.append((wide.index.to_numpy(object), part.groupby("donor")["n_cells"].first()))
    n_cells = np.concatenate([n.to_numpy() for _, n in donors])
    found = changes(np.concatenate(shares), n_cells, design_of_donors(*donors))
    a = sorted({"a", "b", "c", "not annotated"}).index("a")
    expected = (found.log2_net[a], found.low[a], found.high[a], found.p[a])
    columns = ["log2_net", "ci_low", "ci_high", "p"]
    np.testing.assert_allclose(row[columns].to_numpy(float), expected, rtol=1e-6)
    assert (row["p"] < 0.05) == (row["ci_low"] * row["ci_high"] > 0)


def without_sensitivity(adata: ad.AnnData) -> str:
    """Parameters of a fit without other partitions."""
    return dumps({**cg.get.params(adata), "sensitivity": []})


def levels_of_components(adata: ad.AnnData, by: str) -> np.ndarray:
    """Part of each source component in each level, (K0, n), levels sorted; donors equal."""
    r = np.nan_to_num(adata.obsm["cgmm_responsibilities"])
    source = (adata.obs["condition"] == "control").to_numpy()
    donor = adata.obs["donor"].astype(str)
    weight = np.where(source, 1 / donor.map(donor[source].value_counts()).to_numpy(), 0.0)
    text = adata.obs[by].astype(object).where(adata.obs[by].notna(), "not annotated")
    inside = pd.get_dummies(text.astype(str)).to_numpy(float)
    mass = (r * weight[:, None]).T @ inside
    mass = mass[mass.sum(axis=1) > 0]
    return mass / mass.sum(axis=1, keepdims=True)


def test_levels_of_one_side_only_are_told(fitted: ad.AnnData) -> None:
    values = fitted.obs["cell_type"].astype(str).to_numpy(object)
    treated = (fitted.obs["condition"] == "treated").to_numpy()
    values[treated & (values == "Zeta")] = "Activated"
    values[treated & (values == "Epsilon")] = None
    fitted.obs["type"] = values
    table = cg.get.factors(fitted, by="type").set_index("name")
    assert set(table.index) == {"Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"} | {
        "Activated",
        "not annotated",
    }
    for name in ("Activated", "not annotated"):
        row = table.loc[name]
        assert row["share_source"] == 0
        assert row["share_target_annotated"] > 0.05
        assert np.isnan([row["log2_net"], row["p"], row["ci_low"]]).all()
        assert "in the target only" in row["reason"]
    # Zeta went somewhere, though no target cell is called so
    assert table.loc["Zeta", "share_target"] > 0.05
    assert table.loc["Zeta", "share_target_annotated"] == 0
    np.testing.assert_allclose(table["q"], benjamini_hochberg(table["p"].to_numpy()))
    pairs = cg.get.transfers(fitted, by="type").set_index(["source", "target"])
    assert pairs.loc[("Zeta", "Activated"), "share_of_source"] > 0.9
    arrivals = cg.get.arrivals(fitted, by="type").set_index("name")
    assert arrivals.loc["Activated", "main_source"] == "Zeta"
    assert "Zeta" not in arrivals.index


def test_what_cannot_be_summed_is_refused(fitted: ad.AnnData) -> None:
    with pytest.raises(KeyError, match="by='kind' is not a column of obs"):
        cg.get.factors(fitted, by="kind")
    half = fitted[fitted.obs["condition"] == "treated"].copy()
    with pytest.raises(ValueError, match="no cells of the source 'control'"):
        cg.get.transfers(half, by="cell_type")
    del fitted.obsm["cgmm_responsibilities"]
    with pytest.raises(KeyError, match="components cannot be summed"):
        cg.get.arrivals(fitted, by="cell_type")


def test_a_sum_is_settled_when_its_parts_move_together(apart: ad.AnnData) -> None:
    """Other choices are summed as the fit is: swapping two parts of one level changes nothing."""
    adata = apart.copy()
    adata.obs["group"] = adata.obs["cell_type"].map(
        {"Alpha": "one", "Beta": "one", "Gamma": "two", "Delta": "two"}
    )
    factors = cg.get.factors(adata)
    net = factors["log2_net"].to_numpy()
    shares = factors["share_source"].to_numpy()
    came = shares * np.exp2(net)
    # mass moves from Alpha to Beta, within the group
    came[0], came[1] = 0.2 * came[0], came[1] + 0.8 * came[0]
    with np.errstate(divide="ignore"):
        row = {"parameter": "rho", "value": "1", "log2_net": np.log2(came / shares).tolist()}
    params = cg.get.params(adata)
    adata.uns["cgmm"]["params"] = dumps({**params, "sensitivity": [{**row, "F": 1.0}]})
    assert not cg.get.factors(adata)["settled"].iloc[:2].all()
    assert cg.get.factors(adata, by="group")["settled"].all()
    assert not cg.get.factors(adata, by="cell_type")["settled"].all()
