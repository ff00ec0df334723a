"""Fits with known mixtures, to be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anndata as ad
import numpy as np

import cgmm as cg
from cgmm.automatic.sensitivity import along_rho

CALL = {"condition_key": "condition", "source": "source", "target": "target"}


def scene(couple: Callable, *, net: float, moved: float, split: float) -> ad.AnnData:
    """Five types with known mixtures, nothing fitted.

    Beta changes by ``net``, Alpha moves by ``moved``, a part ``split`` of it to Beta; Epsilon is
    new.
    """
    drawn = cg.simulate.points(
        n_components=5,
        shares=[0.25, 0.2, 0.3, 0.15, 0.1],
        log2_change=[0.0, net, -0.5, 0.5, 0.0],
        separation=20,
        shift=[moved, 1.0, 2.0, 0.5, 0.0],
        n_cells=800,
        random_state=4,
    )
    truth = drawn.truth
    keep = ~((drawn.condition == "source") & (drawn.component == 4))
    sides = [
        cg.GaussianMixture(
            truth[f"shares_{s}"][:n] / truth[f"shares_{s}"][:n].sum(),
            truth[f"{s}_means"][:n],
            truth["covariances"][:n],
        )
        for s, n in (("source", 4), ("target", 5))
    ]
    fit = couple(*sides)
    # a coupling that is not one to one, for ribbons that cross
    coupling = np.array(fit.coupling)
    coupling[0, 1] += split * coupling[0, 0]
    coupling[0, 0] *= 1 - split
    coupling[:, 4] = 0.0
    known = fit.parameters | {"epsilon": 1.0}
    crossed = replace(fit, costs=fit.costs / 100, coupling=coupling, parameters=known)
    rows = [choice.to_row() for choice in along_rho(crossed)]
    rows += [
        {**rows[0], "parameter": "partition", "value": f"resolution {i}", "main_target": None}
        for i in (1, 2)
    ]
    adata = drawn.to_anndata()[keep].copy()
    adata.obsm["X_umap"] = np.array(adata.obsm["X_pca"][:, :2])
    one = replace(fit, coupling=coupling, sensitivity=rows)
    for key in ("cgmm", "cgmm_target"):
        cg.tl.annotate(adata, one, **CALL, donor_key="donor", name_by="cell_type", key_added=key)
    return adata
