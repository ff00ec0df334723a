"""Expression of the cells of a comparison: where it is, and whether it can be used."""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.checks import check_object, column


class CellExpression(NamedTuple):
    """Expression of the cells of an object, and the object whose genes it has."""

    matrix: Any  #: (n_cells, n_genes), dense or sparse
    adata: ad.AnnData
    rows: np.ndarray  #: (n_cells,) where its cells stand in that object


# Input ---------------------------------------------------------------------------


def check_naming(
    adata: ad.AnnData, name_by: str | None, expression: ad.AnnData | None, layer: str | None
) -> CellExpression | None:
    """Check what names are made from; return the expression if there is any that serves."""
    if name_by is not None:
        column(adata, name_by, "name_by")
    if expression is None and layer is None and adata.isbacked:
        return None
    held = expression_of(adata, expression, layer)
    if held is not None and (looks_like_counts(held.matrix) or not all_finite(held.matrix)):
        return None
    return held


def expression_of(
    adata: ad.AnnData, expression: ad.AnnData | None, layer: str | None
) -> CellExpression | None:
    """Find log-normalised expression of the cells of ``adata``, in their order."""
    holder = adata
    if expression is not None:
        check_object(expression, "expression")
        missing = adata.obs_names.difference(expression.obs_names)
        if len(missing):
            msg = (
                f"expression= lacks {len(missing)} of the {adata.n_obs} cells "
                f"(for instance {missing[0]!r}): both objects must name cells alike."
            )
            raise ValueError(msg)
        holder = expression
    if layer is not None and layer not in holder.layers:
        layers: Any = holder.layers  # anndata 0.13 has X there, under None
        known = ", ".join(name for name in layers if name is not None) or "none"
        msg = f"layer={layer!r} is not in layers; there are {known}."
        raise KeyError(msg)
    if layer is None and holder.isbacked:
        msg = (
            "X is needed, but it lies on disk (backed mode): call adata.to_memory() first, or give "
            "expression=, an object with the same cells and X in memory."
        )
        raise ValueError(msg)
    matrix = holder.layers[layer] if layer is not None else holder.X
    if matrix is None or holder.n_vars == 0:
        return None
    if not sp.issparse(matrix):
        matrix = np.asarray(matrix)
    rows = np.arange(adata.n_obs)
    if expression is not None and not holder.obs_names.equals(adata.obs_names):
        refuse_twice(holder.obs_names, "expression= names cells", "obs_names_make_unique()")
        rows = holder.obs_names.get_indexer(adata.obs_names)
        matrix = matrix[rows]
    return CellExpression(matrix, holder, rows)


def refuse_twice(names: pd.Index, what: str, cure: str) -> None:
    """Raise when names that others are looked up by are not unique."""
    if not names.is_unique:
        example = names[names.duplicated()][0]
        msg = f"{what} more than once (for instance {example!r}): call {cure} first."
        raise ValueError(msg)


def looks_like_counts(matrix: Any, *, n_rows: int = 200) -> bool:
    """Whether the first rows hold only whole numbers, some of them larger than a log can be."""
    part = matrix[:n_rows]
    values = part.data if sp.issparse(part) else np.asarray(part).ravel()
    return bool(values.size and values.max() > 1 and np.all(values == np.rint(values)))


def all_finite(matrix: Any) -> bool:
    """Whether no value is NaN or infinite."""
    return bool(np.isfinite(matrix.data if sp.issparse(matrix) else matrix).all())


def refuse_unusable(matrix: Any, *, natural_log: bool) -> None:
    """Raise when expression is not finite, or not log-normalised where it should be."""
    if not all_finite(matrix):
        msg = "Expression holds NaN or infinite values: remove these genes or cells first."
        raise ValueError(msg)
    if looks_like_counts(matrix):
        msg = (
            "Expression holds only whole numbers, so it seems to be counts: normalise first "
            "(scanpy.pp.normalize_total, scanpy.pp.log1p), or name the layer that is normalised."
        )
        raise ValueError(msg)
    if natural_log and matrix.min() < 0:
        msg = (
            "Expression holds negative values, as scaled data do: name the layer with "
            "log-normalised values, or give natural_log=False for features such as cytometry."
        )
        raise ValueError(msg)


def gene_names(adata: ad.AnnData, gene_symbols: str | None) -> np.ndarray:
    """Names of the genes to show."""
    if gene_symbols is None:
        return adata.var_names.to_numpy(object).astype(str)
    if gene_symbols not in adata.var:
        msg = f"gene_symbols={gene_symbols!r} is not a column of var."
        raise KeyError(msg)
    return adata.var[gene_symbols].astype(str).to_numpy(object).astype(str)
