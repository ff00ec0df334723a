"""What tests of genes and of gene sets compare: cells, groups of cells, and donors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import CellExpression, check_usable, expression_of, gene_names
from cgmm._anndata.populations import (
    NO_POPULATIONS,
    POPULATION,
    STATE,
    check_level,
    take_populations,
)
from cgmm._anndata.sides import Sides, take_sides
from cgmm._anndata.storage import read_fit, read_names, read_params, read_responsibilities
from cgmm._anndata.units import DonorColumns, Units, model_of, read_units
from cgmm._utils.arguments import check_number
from cgmm.genes.pseudobulk import Samples
from cgmm.pair import SIDES, SOURCE
from cgmm.thresholds import MIN_CELLS
from cgmm.tl._gene_changes import Groups, groups, population_groups
from cgmm.tl._gene_tests import with_design


class GeneStudy(NamedTuple):
    """The cells whose genes are compared, in groups, and how donors are compared."""

    comparison: Comparison
    cells: CellExpression
    genes: np.ndarray  #: names of the genes, (n_genes,)
    groups: Groups
    names: list[str]  #: of the groups
    paired: bool | None  #: whether donors are compared with themselves; None: by their numbers
    of_design: Callable[[Samples], tuple[Samples | None, str]] | None

    def usable(self, fraction: np.ndarray, n_cells: np.ndarray, min_fraction: float) -> np.ndarray:
        """Return which genes are compared in which groups, boolean, shape (K, n_genes).

        Parameters
        ----------
        fraction
            The larger fraction of cells of either side that express a gene, shape (K, n_genes).
        n_cells
            Cells of the smaller side of each group, shape (K,).
        min_fraction
            Smallest fraction.
        """
        usable: np.ndarray = (fraction >= min_fraction) & (n_cells >= MIN_CELLS)[:, None]
        return usable


def gene_study(
    adata: ad.AnnData,
    *,
    expression: ad.AnnData | None,
    layer: str | None,
    gene_symbols: str | None,
    min_fraction: float,
    natural_log: bool,
    level: str | None,
    design: str | None,
    over_donors: bool,
    key: str,
) -> GeneStudy:
    """Check the arguments of :func:`cgmm.tl.genes`, and return what it compares.

    ``over_donors`` says whether donors are compared; only then is the design read.

    Raises
    ------
    KeyError, TypeError, ValueError
        As :func:`cgmm.tl.genes`.
    """
    params = read_params(adata, key=key)
    if not 0 <= check_number("min_fraction", min_fraction, 0.1) <= 1:
        msg = f"min_fraction={min_fraction} must lie between 0 and 1: it is a part of the cells."
        raise ValueError(msg)
    comparison = Comparison.from_params(params)
    sides = take_sides(adata, comparison, min_cells=1)
    units, columns = None, DonorColumns.from_params(params)
    if over_donors:
        units, columns = _design_units(adata, columns, design, sides)
    cells = expression_of(adata, expression, layer)
    if cells is None:
        msg = "The object has no X: give expression=, an object with the same cells and genes."
        raise ValueError(msg)
    check_usable(cells.matrix, natural_log=natural_log)
    names = gene_names(cells.adata, gene_symbols)
    coupled, of_groups = _groups(adata, sides, params, level, key)
    return GeneStudy(
        comparison,
        cells,
        names,
        coupled,
        of_groups,
        comparison.paired if units is None else units.plan.paired,
        None if units is None else with_design(units, columns),
    )


def _groups(
    adata: ad.AnnData, sides: Sides, params: dict[str, Any], level: str | None, key: str
) -> tuple[Groups, list[str]]:
    """Return the groups of cells whose genes are compared, and their names."""
    if level is not None:
        check_level(level)
    cells = None if level == STATE else take_populations(adata, params, key=key)
    if cells is not None:
        return population_groups(sides, cells.codes, len(cells.names)), cells.names
    if level == POPULATION:
        raise ValueError(NO_POPULATIONS)
    coupled = groups(sides, read_responsibilities(adata, key), read_fit(adata, key=key))
    return coupled, read_names(adata, key, SOURCE)


def _design_units(
    adata: ad.AnnData, known: DonorColumns, design: str | None, sides: Sides
) -> tuple[Units | None, DonorColumns]:
    """Return the donors of the formula after a check; None without a formula."""
    columns = replace(known, design=design or known.design, sample_key=None)
    if columns.design is None:
        return None, columns
    units = read_units(adata, columns, dict(zip(SIDES, sides.rows, strict=True)))
    if units is None:
        msg = "design needs donors: give donor_key to the fit, or leave design out."
        raise ValueError(msg)
    model_of(units, columns)
    return units, columns
