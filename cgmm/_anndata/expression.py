"""Expression of the cells of an object: where it is, and whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.checks import check_object, column
from cgmm._utils.lazy_rows import LazyRows, extent, in_memory, is_lazy

N_ROWS_OF_BASE = 50
EQUAL_TOTALS = 1e-3  # of a total; the totals of normalised cells differ by rounding only


class CellExpression(NamedTuple):
    """Expression matrix of the cells of an object, and the object that the matrix is from."""

    matrix: Any  #: (n_cells, n_genes), dense, sparse, or LazyRows of a Dask array
    adata: ad.AnnData
    rows: np.ndarray  #: (n_cells,) row of each cell in ``adata``
    unit: float = 1.0  #: natural logarithm of the base of the stored values


def expression_of(
    adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None
) -> CellExpression | None:
    """Check where expression is, and return the expression of the cells of ``adata``.

    Parameters
    ----------
    adata
        The object.
    expression
        Another object with the same cells, which has the expression; None: ``adata`` has it.
    layer
        Layer with the expression; None: ``X``.

    Returns
    -------
    The expression, with cells in the order of ``adata``. None without ``X`` or without genes.

    Raises
    ------
    KeyError, TypeError, ValueError
        As :func:`check_expression`.
    """
    check_expression(adata, expression, layer)
    return take_expression(adata, expression, layer)


def check_expression(adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None) -> None:
    """Raise when expression of the cells of ``adata`` cannot be taken; arguments as above.

    Raises
    ------
    TypeError
        When ``expression`` is not an AnnData object.
    KeyError
        When there is no such layer.
    ValueError
        When ``expression`` lacks cells or names some of them twice, or when ``X`` is on disk.
    """
    holder = adata if expression is None else expression
    if expression is not None:
        check_object(expression, "expression")
        missing = adata.obs_names.difference(expression.obs_names)
        if len(missing):
            msg = (
                f"expression= lacks {len(missing)} of the {adata.n_obs} cells "
                f"(for instance {missing[0]!r}): both objects must name cells alike."
            )
            raise ValueError(msg)
    if layer is not None and layer not in holder.layers:
        layers: Any = holder.layers  # anndata 0.13 has X there, under None
        names = ", ".join(name for name in layers if name is not None) or "none"
        msg = f"layer={layer!r} is not in layers; there are {names}."
        raise KeyError(msg)
    if layer is None and holder.isbacked:
        msg = (
            "X is needed, but it lies on disk (backed mode): call adata.to_memory() first, or give "
            "expression=, an object with the same cells and X in memory."
        )
        raise ValueError(msg)
    if not holder.obs_names.equals(adata.obs_names):
        check_unique(holder.obs_names, "expression= names cells", "obs_names_make_unique()")


def take_expression(
    adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None
) -> CellExpression | None:
    """Return what :func:`expression_of` returns, of arguments that were checked before."""
    holder = adata if expression is None else expression
    matrix = holder.layers[layer] if layer is not None else holder.X
    if matrix is None or holder.n_vars == 0:
        return None
    if is_lazy(matrix):
        matrix = LazyRows(matrix)
    elif not sp.issparse(matrix):
        matrix = np.asarray(matrix)
    rows = np.arange(adata.n_obs)
    if not holder.obs_names.equals(adata.obs_names):
        rows = holder.obs_names.get_indexer(adata.obs_names)
        matrix = matrix[rows]
    base = log_base(holder, matrix)
    if base is None:
        return CellExpression(matrix, holder, rows)
    unit = float(np.log(base))
    return CellExpression(matrix * unit, holder, rows, unit)


def log_base(holder: ad.AnnData, matrix: Any) -> float | None:
    """Find the base of the logarithms when it is not e.

    ``scanpy.pp.log1p(base=...)`` writes the base into ``uns["log1p"]``. Where nothing is written,
    as by logNormCounts in R, the base is the one with which every cell has the same total.

    Parameters
    ----------
    holder
        The object with the expression.
    matrix
        The expression, (n_cells, n_genes).

    Returns
    -------
    float or None
        The base; None for natural logarithms, and for what is no logarithm.
    """
    declared = holder.uns.get("log1p")
    said = declared.get("base") if isinstance(declared, Mapping) else None
    try:
        base = None if said is None else float(np.asarray(said).item())
    except (TypeError, ValueError):
        base = None
    candidates = dict.fromkeys(
        [np.e, *([base] if base is not None and base > 1 else []), 2.0, 10.0]
    )
    rows = in_memory(matrix[:N_ROWS_OF_BASE])
    values = np.asarray(rows.toarray() if sp.issparse(rows) else rows, dtype=float)
    if not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 30:
        return None
    for candidate in candidates:
        totals = np.expm1(values * np.log(candidate)).sum(axis=1)
        if len(totals) > 1 and totals.min() > 0 and np.ptp(totals) < EQUAL_TOTALS * totals.mean():
            return None if candidate == np.e else float(candidate)
    return None if base is None or base <= 1 or np.isclose(base, np.e) else base


def check_naming(
    adata: ad.AnnData, name_by: str | None, expression: ad.AnnData | None, layer: str | None
) -> None:
    """Raise when components cannot be named as the caller of :func:`cgmm.tl.fit` asked.

    Raises
    ------
    KeyError, TypeError, ValueError
        When ``name_by`` is not a column of ``obs``, and as :func:`check_expression`. An object
        whose ``X`` is on disk (backed mode) passes: its components get no marker genes as names.
    """
    if name_by is not None:
        column(adata, name_by, "name_by")
    if not _x_on_disk(adata, expression, layer):
        check_expression(adata, expression, layer)


def naming_expression(
    adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None
) -> CellExpression | None:
    """Return the expression whose marker genes can name components, None when there is none.

    Counts and values that are not finite name nothing. The arguments passed :func:`check_naming`.
    """
    if _x_on_disk(adata, expression, layer):
        return None
    cells = take_expression(adata, expression, layer)
    if cells is None or looks_like_counts(cells.matrix) or not all_finite(cells.matrix):
        return None
    return cells


def _x_on_disk(adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None) -> bool:
    return expression is None and layer is None and adata.isbacked


def check_unique(names: pd.Index, what: str, cure: str) -> None:
    """Raise a ValueError when names that rows are looked up by are not unique."""
    if not names.is_unique:
        example = names[names.duplicated()][0]
        msg = f"{what} more than once (for instance {example!r}): call {cure} first."
        raise ValueError(msg)


def looks_like_counts(matrix: Any, *, n_rows: int = 200) -> bool:
    """Return whether the first rows hold only whole numbers, one of them above 1."""
    part = in_memory(matrix[:n_rows])
    values = part.data if sp.issparse(part) else np.asarray(part).ravel()
    return bool(values.size and values.max() > 1 and np.all(values == np.rint(values)))


def all_finite(matrix: Any) -> bool:
    """Return whether no value is NaN or infinite."""
    return extent(matrix).finite


def check_usable(matrix: Any, *, natural_log: bool) -> None:
    """Raise a ValueError when expression is not finite, or not log-normalised where it should be.

    Parameters
    ----------
    matrix
        Expression, shape (n_cells, n_genes).
    natural_log
        Whether values should be natural logs, so that none is negative.
    """
    if not all_finite(matrix):
        msg = "Expression holds NaN or infinite values: remove these genes or cells first."
        raise ValueError(msg)
    if natural_log and looks_like_counts(matrix):
        msg = (
            "Expression holds only whole numbers, so it seems to be counts: normalise first "
            "(scanpy.pp.normalize_total, scanpy.pp.log1p), or name the layer that is normalised."
        )
        raise ValueError(msg)
    if natural_log and extent(matrix).least < 0:
        msg = (
            "Expression holds negative values, as scaled data do: name the layer with "
            "log-normalised values, or give natural_log=False for features such as cytometry."
        )
        raise ValueError(msg)


def gene_names(adata: ad.AnnData, gene_symbols: str | None) -> np.ndarray:
    """Return the names of the genes to show: ``var_names``, or a column of ``var``."""
    if gene_symbols is None:
        return adata.var_names.to_numpy(object).astype(str)
    if gene_symbols not in adata.var:
        msg = f"gene_symbols={gene_symbols!r} is not a column of var."
        raise KeyError(msg)
    return adata.var[gene_symbols].astype(str).to_numpy(object).astype(str)
