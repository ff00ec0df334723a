"""Factors without one donor, where there are donors and where there are none."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import pytest

import cgmm as cg
from cgmm.tables import TABLES


@pytest.mark.parametrize("donors", [None, "condition"])
def test_without_a_donor_to_leave_out_there_are_no_rows(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict[str, str], donors: str | None
) -> None:
    """No donors, and one in each condition."""
    kinds = simulated.obs["cell_type"].astype("category").cat.codes.to_numpy()
    source = (simulated.obs["condition"] == call["source"]).to_numpy()
    found = replace(fit, populations_source=kinds[source], populations_target=kinds[~source])
    simulated.obs["only"] = simulated.obs["condition"].astype(str)
    adata = cg.tl.annotate(
        simulated, found, **call, donor_key=None if donors is None else "only", copy=True
    )
    assert len(cg.get.populations(adata)) > 3
    table = cg.get.influence(adata)
    assert table.empty
    assert list(table) == list(TABLES["influence"].names)
