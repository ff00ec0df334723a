"""Components are named by what the object has."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import naming_expression
from cgmm._anndata.sides import take_sides
from cgmm.genes.marker_table import find_markers, read_marker_table
from cgmm.pair import Pair
from cgmm.tl._component_table import component_table
from tests.made import CALL


def test_names_come_from_markers_or_from_a_column(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    truth = ["Alpha", "Beta", "Delta", "Epsilon", "Gamma", "Zeta"]
    cg.tl.annotate(simulated, fit, **call)
    markers = cg.get.components(simulated)
    found = {n.rstrip("0123456789").title() for n in markers["name"].str.split().str[0]}
    assert sorted(found) == truth
    # each marker belongs to the type that most cells of the component have
    cg.tl.annotate(simulated, fit, **call, name_by="cell_type", key_added="named")
    named = cg.get.components(simulated, key="named")
    assert sorted(named.loc[named["side"] == "source", "name"]) == truth
    assert (named["cell_type_purity"] > 0.9).all()
    for name, genes in zip(named["name"], named["markers"], strict=True):
        assert all(g.startswith(name.upper()) for g in genes.split(", "))


def test_names_without_expression_are_numbers_and_expression_may_be_elsewhere(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    bare = ad.AnnData(obs=simulated.obs.copy(), obsm={"X_pca": simulated.obsm["X_pca"]})
    cg.tl.annotate(bare, fit, **call)
    assert set(cg.get.factors(bare)["name"]) == {f"Subpopulation {i}" for i in range(1, 7)}
    with pytest.raises(ValueError, match="has no X"):
        cg.tl.genes(bare)

    order = np.random.default_rng(1).permutation(simulated.n_obs)
    elsewhere = simulated[order].copy()
    cg.tl.annotate(bare, fit, **call, expression=elsewhere)
    cg.tl.annotate(simulated, fit, **call)
    assert list(cg.get.factors(bare)["name"]) == list(cg.get.factors(simulated)["name"])
    cg.tl.genes(bare, expression=elsewhere)
    cg.tl.genes(simulated)
    pd.testing.assert_frame_equal(cg.get.genes(bare), cg.get.genes(simulated))
    with pytest.raises(ValueError, match="lacks 1 of the 1600 cells"):
        cg.tl.genes(bare, expression=elsewhere[1:])


def test_features_themselves_can_be_the_representation(couple: Callable) -> None:
    drawn = cg.simulate.points(n_components=3, n_dims=3, n_cells=400, separation=12)
    adata = drawn.to_anndata()
    panel = ad.AnnData(drawn.points, obs=adata.obs)
    panel.var_names = ["CD3", "CD19", "CD14"]
    truth = drawn.truth
    fit = couple(
        *(
            cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
            for s in ("source", "target")
        )
    )
    conditions = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(panel, fit, **conditions, use_rep="X")
    named = " ".join(cg.get.factors(panel)["name"]).split()
    assert set(named) & set(panel.var_names)


def simulated_markers(adata: ad.AnnData, *, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Five genes of each simulated type, which are called after the type."""
    kinds = [kind for kind in adata.obs["cell_type"].unique() if kind not in without]
    rows = [
        (f"{kind} cell", gene)
        for kind in sorted(kinds)
        for gene in [g for g in adata.var_names if g.startswith(kind.upper())][:5]
    ]
    return pd.DataFrame(rows, columns=["cell_type", "gene"])


def test_a_marker_table_names_components_and_its_evidence_is_in_the_table(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call, name_by="cell_type", key_added="named")
    truth = cg.get.components(simulated, key="named")
    assert set(truth["named_from"]) == {"annotation"}
    markers = simulated_markers(simulated, without=("Zeta",))
    cg.tl.annotate(simulated, fit, **call, markers=markers)
    found = cg.get.components(simulated)
    known = truth["cell_type"] != "Zeta"
    assert (found.loc[known, "cell_type"] == truth.loc[known, "cell_type"] + " cell").all()
    assert set(found.loc[known, "named_from"]) == {"marker table"}
    assert (found.loc[known, "best_type"] == found.loc[known, "cell_type"]).all()
    assert (found["runner_up_score"] < found["score"]).all()
    assert found["raised"].iloc[0].startswith("5 of 5: ")
    # the type that the table lacks is said to be unclear, and has the name of its genes
    rest = found[~known]
    assert set(rest["named_from"]) == {"unclear"}
    assert set(rest["cell_type"]) == {""}
    assert all(name.startswith("ZETA") for name in rest["name"])
    assert (found["matched_to"] == "").all()
    assert cg.get.params(simulated)["named_by"] == "marker table"
    # an annotation comes first; components without a label have the name of the table
    labels = simulated.obs["cell_type"].astype(object).where(simulated.obs["cell_type"] == "Beta")
    simulated.obs["some"] = labels
    cg.tl.annotate(simulated, fit, **call, name_by="some", markers=markers, key_added="both")
    both = cg.get.components(simulated, key="both")
    beta = truth["cell_type"] == "Beta"
    assert set(both.loc[beta, "named_from"]) == {"annotation"}
    assert set(both.loc[beta, "cell_type"]) == {"Beta"}


def test_a_part_of_a_mixed_population_has_the_name_of_its_own_type(
    simulated: ad.AnnData, fit: cg.CoupledFit
) -> None:
    kinds = simulated.obs["cell_type"].astype(str).to_numpy(object)
    labels = np.where(np.isin(kinds, ["Alpha", "Beta"]), "mixed Alpha cell/Beta cell", kinds)
    labels[kinds == "Gamma"] = "Gamma cell 2"
    sides = take_sides(simulated, Comparison(**CALL, donor_key="donor"))
    mixtures = Pair(fit.prevalence_source, fit.prevalence_target)
    markers = find_markers(
        read_marker_table(simulated_markers(simulated)), simulated.var_names.to_numpy(str)
    )
    table, named_by = component_table(
        fit,
        sides,
        Pair(*(m.responsibilities(x) for m, x in zip(mixtures, sides.points, strict=True))),
        labels=labels,
        basis="population",
        expression=naming_expression(simulated, None, None),
        markers=markers,
    )
    assert named_by == "marker table"
    table = table.set_index(["side", "name"])
    for side in ("source", "target"):
        for name in ("Alpha cell", "Beta cell"):
            row = table.loc[(side, name)]
            assert row["cell_type"] == "mixed Alpha cell/Beta cell"
            assert row["named_from"] == "marker table"
        # a population that is a type keeps its name and number
        assert table.loc[(side, "Gamma cell 2"), "named_from"] == "population"


def test_a_target_component_is_named_by_its_own_cells(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    labels = simulated.obs["cell_type"].astype(object)
    treated = (simulated.obs["condition"] == "treated") & (labels == "Beta")
    simulated.obs["label"] = labels.where(~treated, "Newcomer")
    cg.tl.annotate(simulated, fit, **call, name_by="label")
    table = cg.get.components(simulated).set_index(["side", "name"])
    assert table.loc[("target", "Newcomer"), "matched_to"] == "Beta"
    assert ("target", "Beta") not in table.index
    assert (table.drop(("target", "Newcomer"))["matched_to"] == "").all()
    states = cg.get.states(simulated).set_index("name")
    assert states.loc["Beta", "counterpart"] == "Newcomer"
    assert (states.drop("Beta")["counterpart"] == "").all()
    transfers = cg.get.transfers(simulated)
    best = transfers.sort_values("mass").groupby("source").tail(1).set_index("source")["target"]
    assert best["Beta"] == "Newcomer"
    assert cg.get.arrivals(simulated).set_index("name").loc["Newcomer", "main_source"] == "Beta"


def test_a_fit_of_an_earlier_version_has_no_evidence(fitted: ad.AnnData) -> None:
    stored = fitted.uns["cgmm"]["components"]
    old = ["side", "component", "name", "weight", "share", "n_cells", "markers", "cell_type"]
    fitted.uns["cgmm"]["components"] = stored[[*old, "cell_type_purity"]]
    table = cg.get.components(fitted)
    assert (table["named_from"] == "").all()
    assert table["score"].isna().all()


def test_markers_that_cannot_name_are_refused_before_anything_is_written(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    markers = simulated_markers(simulated)
    bare = ad.AnnData(obs=simulated.obs.copy(), obsm={"X_pca": simulated.obsm["X_pca"]})
    with pytest.raises(ValueError, match="markers needs log-normalised expression"):
        cg.tl.annotate(bare, fit, **call, markers=markers)
    with pytest.raises(ValueError, match="None of the genes of the marker table"):
        cg.tl.annotate(simulated, fit, **call, markers=markers.assign(gene="X"))
    assert "cgmm" not in simulated.uns
    cg.tl.annotate(simulated, fit, **call, markers=markers.assign(gene=markers["gene"].str.lower()))
    assert cg.get.params(simulated)["marker_notices"] == []
    unknown = pd.concat([markers, pd.DataFrame({"cell_type": ["Omega"], "gene": ["NOGENE"]})])
    cg.tl.annotate(simulated, fit, **call, markers=unknown)
    notices = cg.get.params(simulated)["marker_notices"]
    assert "NOGENE" in notices[0]
    assert "marks Omega" in notices[1]
