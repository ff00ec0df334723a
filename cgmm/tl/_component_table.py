"""What `cgmm.tl` computes from a fit and an AnnData object before it writes anything."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression, gene_names
from cgmm._anndata.sides import Sides, cell_weights
from cgmm.coupled.result import CoupledFit
from cgmm.donors.shares import DonorShares
from cgmm.genes import change as gene_level
from cgmm.genes import naming
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.tl._gene_changes import side_moments
from cgmm.transport.coupling import transfer_mass

# Components ------------------------------------------------------------------------


def component_table(
    adata: ad.AnnData,
    fit: CoupledFit,
    found: Sides,
    responsibilities: tuple[np.ndarray, np.ndarray],
    name_by: str | None,
    held: CellExpression | None,
    names_source: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Components of both sides with names, markers and cell types; and what named them.

    ``names_source`` are names that the source components have already.
    """
    k0, k1 = fit.coupling.shape
    shares = (fit.shares_source, fit.shares_target)
    weights = cell_weights(found)
    rows = (found.rows_source, found.rows_target)
    genes_of: list[list[list[str]]] = [[[] for _ in range(k)] for k in (k0, k1)]
    if held is not None:
        names = gene_names(held.adata, None)
        moments = side_moments(held, found, responsibilities)
        exclude = _moved_everywhere(moments, fit.origin)
        genes_of = [
            naming.markers(m.mean, m.fraction, names, n=5, exclude=exclude) for m in moments
        ]
    types: list[list[str]] = [[""] * k for k in (k0, k1)]
    purity = [np.full(k, np.nan) for k in (k0, k1)]
    if name_by is not None:
        labels = adata.obs[name_by].astype(object).to_numpy()
        for side in (0, 1):
            types[side], purity[side] = naming.by_annotation(
                responsibilities[side], labels[rows[side]], weights=weights[side]
            )
    named_by = name_by or ("marker genes" if held is not None else "number")
    own = [
        [
            kind or " ".join(found_genes[: naming.N_MARKERS])
            for kind, found_genes in zip(types[side], genes_of[side], strict=True)
        ]
        for side in (0, 1)
    ]
    both = naming.name_sides(
        own[0] if names_source is None else [str(name) for name in names_source],
        own[1],
        coupling=transfer_mass(fit.coupling, fit.shares_source),
        sizes_source=shares[0],
        sizes_target=shares[1],
    )
    parts = [
        pd.DataFrame(
            {
                "side": np.array([side] * k, dtype=object),
                "component": np.arange(k),
                "name": np.array(both[i], dtype=object),
                "weight": np.asarray(mixture.weights, dtype=float),
                "share": np.asarray(shares[i], dtype=float),
                "n_cells": np.rint(responsibilities[i].sum(axis=0)).astype(int),
                "markers": np.array([", ".join(g) for g in genes_of[i]], dtype=object),
                "cell_type": np.array(types[i], dtype=object),
                "cell_type_purity": purity[i],
            }
        )
        for i, (side, k, mixture) in enumerate(((SOURCE, k0, fit.source), (TARGET, k1, fit.target)))
    ]
    return pd.concat(parts, ignore_index=True), named_by


def _moved_everywhere(
    moments: tuple[gene_level.ExpressionMoments, gene_level.ExpressionMoments], origin: np.ndarray
) -> np.ndarray:
    """Genes that tell the conditions apart rather than the subpopulations."""
    change = gene_level.gene_shift(moments[0], moments[1], origin).log2_change
    _, widespread = gene_level.breadth(change)
    return widespread & (np.abs(np.nan_to_num(change)).max(axis=0) > 1)


def donor_table(per_donor: dict[str, DonorShares | None]) -> pd.DataFrame:
    """Shares per donor, long: side, donor, component, share, n_cells (of the donor)."""
    parts = []
    for side in SIDES:
        found = per_donor[side]
        if found is None:
            continue
        n, k = found.shares.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": np.array([side] * (n * k), dtype=object),
                    "donor": np.repeat(found.donors, k),
                    "component": np.tile(np.arange(k), n),
                    "share": found.shares.ravel(),
                    "n_cells": np.repeat(found.n_cells, k),
                }
            )
        )
    if parts:
        return pd.concat(parts, ignore_index=True)
    text = np.array([], dtype=object)
    whole = np.array([], dtype=int)
    return pd.DataFrame(
        {"side": text, "donor": text, "component": whole, "share": whole * 1.0, "n_cells": whole}
    )
