"""Tables that :func:`cgmm.tl.fit` writes: the components, and their shares in each donor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression, gene_names
from cgmm._anndata.sides import Sides, cell_weights
from cgmm.coupled.result import CoupledFit
from cgmm.donors.shares import donor_shares
from cgmm.genes import naming
from cgmm.genes.change import ExpressionMoments, breadth, gene_shift
from cgmm.pair import SIDES, Pair
from cgmm.tl._gene_changes import side_moments
from cgmm.transport.coupling import transfer_mass

N_MARKERS_LISTED = 5
MIN_CHANGE_EVERYWHERE = 1.0  # log2


def component_table(
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[np.ndarray],
    *,
    labels: np.ndarray | None,
    expression: CellExpression | None,
    names_source: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Return the table of the components of both sides, and the source of their names.

    Parameters
    ----------
    fit, sides, responsibilities
        The fit, the cells of both conditions, and the responsibilities, shapes (N0, K0) and
        (N1, K1).
    labels
        Cell type or population of every cell of the object, or None.
    expression
        Expression of the cells, for marker genes, or None.
    names_source
        Names of the source components; None: source components are named here.

    Returns
    -------
    table
        Columns side, component, name, weight, share, n_cells, markers, cell_type,
        cell_type_purity.
    named_by
        "marker genes" or "number", for components without labels.
    """
    markers = _markers(fit, sides, responsibilities, expression)
    types = _cell_types(sides, responsibilities, labels)
    words = [
        [
            kind or " ".join(genes[: naming.N_MARKERS])
            for kind, genes in zip(kinds, listed, strict=True)
        ]
        for (kinds, _), listed in zip(types, markers, strict=True)
    ]
    names = naming.name_sides(
        words[0] if names_source is None else [str(name) for name in names_source],
        words[1],
        coupling=transfer_mass(fit.coupling, fit.shares_source),
        sizes_source=fit.shares_source,
        sizes_target=fit.shares_target,
    )
    mixtures, shares = (fit.source, fit.target), (fit.shares_source, fit.shares_target)
    parts = [
        pd.DataFrame(
            {
                "side": np.array([side] * len(shares[i]), dtype=object),
                "component": np.arange(len(shares[i])),
                "name": np.array(names[i], dtype=object),
                "weight": np.asarray(mixtures[i].weights, dtype=float),
                "share": np.asarray(shares[i], dtype=float),
                "n_cells": np.rint(responsibilities[i].sum(axis=0)).astype(int),
                "markers": np.array([", ".join(genes) for genes in markers[i]], dtype=object),
                "cell_type": np.array(types[i][0], dtype=object),
                "cell_type_purity": types[i][1],
            }
        )
        for i, side in enumerate(SIDES)
    ]
    named_by = "marker genes" if expression is not None else "number"
    return pd.concat(parts, ignore_index=True), named_by


def _markers(
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[np.ndarray],
    expression: CellExpression | None,
) -> Pair[list[list[str]]]:
    """Return the marker genes of the components of both sides; empty without expression."""
    if expression is None:
        return responsibilities.map(lambda r: [[] for _ in range(r.shape[1])])
    names = gene_names(expression.adata, None)
    moments = side_moments(expression, sides, responsibilities)
    exclude = moved_everywhere(moments, fit.origin)
    return moments.map(
        lambda m: naming.markers(m.mean, m.fraction, names, n=N_MARKERS_LISTED, exclude=exclude)
    )


def _cell_types(
    sides: Sides, responsibilities: Pair[np.ndarray], labels: np.ndarray | None
) -> list[tuple[list[str], np.ndarray]]:
    """Return the main cell type of every component of both sides, and its part of the mass."""
    if labels is None:
        return [([""] * r.shape[1], np.full(r.shape[1], np.nan)) for r in responsibilities]
    return [
        naming.by_annotation(r, labels[rows], weights=weights)
        for r, rows, weights in zip(responsibilities, sides.rows, cell_weights(sides), strict=True)
    ]


def moved_everywhere(moments: Pair[ExpressionMoments], origin: np.ndarray) -> np.ndarray:
    """Return which genes differ between the conditions in most subpopulations, (n_genes,)."""
    change = gene_shift(*moments, origin).log2_change
    _, widespread = breadth(change)
    largest = np.abs(np.nan_to_num(change)).max(axis=0)
    return widespread & (largest > MIN_CHANGE_EVERYWHERE)


def donor_table(sides: Sides, responsibilities: Pair[np.ndarray]) -> pd.DataFrame:
    """Return the table of the shares of the components in each donor; empty without donors.

    Parameters
    ----------
    sides, responsibilities
        The cells of both conditions, and the responsibilities, shapes (N0, K0) and (N1, K1).

    Returns
    -------
    Columns side, donor, component, share, n_cells (of the donor).
    """
    parts = []
    for side, donors, r in zip(SIDES, sides.donors, responsibilities, strict=True):
        if donors is None:
            continue
        per_donor = donor_shares(r, donors)
        n, k = per_donor.shares.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": np.array([side] * (n * k), dtype=object),
                    "donor": np.repeat(per_donor.donors, k),
                    "component": np.tile(np.arange(k), n),
                    "share": per_donor.shares.ravel(),
                    "n_cells": np.repeat(per_donor.n_cells, k),
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
