"""What names of populations rest on is stored with a fit and stands in the table of populations."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.result import CoupledFit
from tests.tl.test_component_table import simulated_markers


@pytest.fixture
def with_populations(simulated: ad.AnnData, fit: CoupledFit) -> CoupledFit:
    """A fit whose populations are the simulated types, numbered in the order of their names."""
    codes = np.unique(simulated.obs["cell_type"].astype(str), return_inverse=True)[1]
    inside = (simulated.obs["condition"] == "control").to_numpy()
    found = {"populations_source": codes[inside], "populations_target": codes[~inside]}
    return replace(fit, **found)


def test_found_populations_are_named_by_a_marker_table(
    simulated: ad.AnnData, with_populations: CoupledFit, call: dict
) -> None:
    markers = simulated_markers(simulated, without=("Zeta",))
    cg.tl.annotate(simulated, with_populations, **call, donor_key="donor", markers=markers)
    own = simulated.obs["cgmm_population"].astype(str)
    kinds = simulated.obs["cell_type"].astype(str)
    known = kinds != "Zeta"
    assert (own[known] == kinds[known] + " cell").all()
    assert own[~known].str.startswith("ZETA").all()
    table = cg.get.components(simulated, level="population")
    assert len(table) == 12
    beta = table[table["name"] == "Beta cell"].iloc[0]
    assert beta["named_from"] == "marker table"
    assert beta["cell_type"] == "Beta cell"
    assert beta["raised"].startswith("5 of 5: ")
    assert beta["markers"].startswith("BETA")
    zeta = table[table["name"].str.startswith("ZETA")].iloc[0]
    assert zeta["named_from"] == "unclear"
    assert zeta["cell_type"] == ""
    assert zeta["best_type"] != ""
    states = cg.get.components(simulated)
    assert set(states["named_from"]) == {"population"}
    assert set(states["cell_type"]) == set(table["name"])


def test_evidence_stands_beside_an_annotation(
    simulated: ad.AnnData, with_populations: CoupledFit, call: dict
) -> None:
    markers = simulated_markers(simulated)
    options = {"donor_key": "donor", "markers": markers}
    cg.tl.annotate(simulated, with_populations, **call, **options, name_by="cell_type")
    table = cg.get.components(simulated, level="population")
    assert set(table["named_from"]) == {"annotation"}
    assert (table["best_type"] == table["name"] + " cell").all()
    # where one condition has no labels, the populations that were found have the evidence
    half = simulated.obs["condition"] == "control"
    simulated.obs["half"] = simulated.obs["cell_type"].astype(str).where(half)
    cg.tl.annotate(simulated, with_populations, **call, **options, name_by="half")
    table = cg.get.components(simulated, level="population")
    assert (table["score"] > 0).all()


def test_populations_of_marker_genes_and_of_nothing(
    simulated: ad.AnnData, with_populations: CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, with_populations, **call)
    table = cg.get.components(simulated, level="population")
    assert set(table["named_from"]) == {"marker genes"}
    assert (table["best_type"] == "").all()
    bare = ad.AnnData(obs=simulated.obs[["condition"]], obsm=dict(simulated.obsm))
    cg.tl.annotate(bare, with_populations, **call)
    table = cg.get.components(bare, level="population")
    assert set(table["named_from"]) == {"number"}
    # fits of earlier versions have no evidence
    bare.uns["cgmm"].pop("population_names")
    assert (cg.get.components(bare, level="population")["named_from"] == "").all()
