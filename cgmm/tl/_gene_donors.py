"""Mean expression of the kept genes in every donor, for :func:`cgmm.get.gene_donors`."""

from __future__ import annotations

from typing import Any

import numpy as np

from cgmm._anndata.expression import CellExpression
from cgmm.genes.pseudobulk import donor_means
from cgmm.pair import SIDES
from cgmm.thresholds import MIN_CELLS_PER_SUM
from cgmm.tl._gene_changes import Groups


def donor_values(
    cells: CellExpression,
    coupled: Groups,
    genes: np.ndarray,
    names: list[str],
    *,
    kept: np.ndarray,
    natural_log: bool,
) -> dict[str, Any]:
    """Return the mean expression of genes in the cells of every donor.

    Parameters
    ----------
    cells, coupled
        Expression of the cells, and the coupled groups.
    genes, names
        Names of all genes, and of the groups.
    kept
        Which genes to return, boolean, shape (n_genes,).
    natural_log
        Whether expression is in natural logarithms; means are then returned in log2.

    Returns
    -------
    gene, name
        Names, shapes (G,) and (K,).
    side, donor
        One entry for each side and donor, shape (U,).
    mean
        Shape (K, U, G), float32; NaN where a donor has fewer than ten cells in a group.

    Empty without donors.
    """
    sides = coupled.sides
    if sides.donors.source is None or sides.donors.target is None:
        return {}
    columns = np.flatnonzero(kept)
    parts = [
        donor_means(cells.matrix[rows], weight, np.asarray(donors), columns=columns)
        for rows, weight, donors in zip(sides.rows, coupled.weights, sides.donors, strict=True)
    ]
    unit = np.log(2) if natural_log else 1.0
    means = [
        np.where((part.cells >= MIN_CELLS_PER_SUM)[:, :, None], part.counts / unit, np.nan)
        for part in parts
    ]
    n_donors = [len(part.donors) for part in parts]
    return {
        "gene": np.asarray(genes, dtype=object)[columns].astype(str).astype(object),
        "name": np.array([str(name) for name in names], dtype=object),
        "side": np.repeat(np.array(SIDES, dtype=object), n_donors),
        "donor": np.concatenate([part.donors for part in parts]),
        "mean": np.concatenate(means, axis=1).astype(np.float32),
    }
