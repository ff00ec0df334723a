"""Without labels the populations of the first tutorial are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scanpy as sc

import cgmm as cg


def test_simulated_populations_are_found_and_settled() -> None:
    adata = cg.simulate.counts(
        n_cells=3000,
        n_genes=600,
        n_donors=5,
        log2_change={"Beta": 1.0, "Delta": -1.0},
        shift={"Alpha": 2.0, "Gamma": 1.0},
        paired=True,
        random_state=1,
    )
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=20)
    sides = {"condition_key": "condition", "source": "control", "target": "treated"}
    cg.tl.fit(adata, **sides, donor_key="donor")
    held = pd.crosstab(adata.obs["cell_type"], adata.obs["cgmm_population"])
    assert held.shape == (6, 6)
    assert held.to_numpy().max(axis=0).sum() >= 0.98 * adata.n_obs
    found = cg.get.populations(adata)
    labels = cg.get.populations(adata, by="cell_type").set_index("name")
    main = held.idxmax()[found["name"]].to_numpy()
    difference = found["log2_net"].to_numpy() - labels.loc[main, "log2_net"].to_numpy()
    np.testing.assert_allclose(difference, 0.0, atol=0.1)
    assert found["settled"].all()
