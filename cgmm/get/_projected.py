r"""Expression that source cells would have in the target condition.

A displacement :math:`d` in principal components changes gene :math:`g` by :math:`L_g d`, with
:math:`L` the loadings. The projected profile of a cell is its own expression plus this change. A
cell keeps the part of its expression that the components leave out. Only the requested genes are
computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.expression import expression_of
from cgmm._anndata.keys import DEFAULT_KEY, FEATURES, HARMONY, LOADINGS, PCA, Keys
from cgmm._anndata.sides import representation, rows_of_fit
from cgmm._anndata.storage import read_params, read_stored
from cgmm._utils.lazy_rows import in_memory
from cgmm.pair import SOURCE

LOADINGS_OF = {PCA: LOADINGS, HARMONY: LOADINGS}
N_CHECKED = 200
MAX_MISFIT = 0.05


def projected(
    adata: ad.AnnData,
    *,
    genes: Sequence[str] | str,
    loadings: str | None = None,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    key: str = DEFAULT_KEY,
) -> pd.DataFrame:
    """Return the expression that source cells would have in the target condition.

    Parameters
    ----------
    adata
        Object with a fit, the loadings and the expression that the loadings are of.
    genes
        Names in ``var_names``.
    loadings
        Entry of ``varm``, shape (n_genes, n_components). By default "PCs" for "X_pca" and
        "X_pca_harmony"; not needed for ``use_rep="X"``.
    expression
        Object with the same cells, and with genes and expression, when ``adata`` has none.
    layer
        Layer with the expression, in place of ``X``.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source cell (``obs_names``), one column per gene, in the units of the expression.
    NaN where the component of the cell is gone. The values are predictions of a linear map between
    populations, not of the fate of one cell, and can be negative.

    Raises
    ------
    KeyError
        When a gene, the loadings or the displacement are missing.
    ValueError
        When genes have no loadings because PCA did not use them, when a name stands for several
        genes, or when the loadings belong to other values, for instance to scaled expression.
    """
    read_stored(adata, key)
    known, keys = read_params(adata, key=key), Keys(key)
    if not isinstance(genes, Iterable):
        msg = f"genes must be a name or a list of names, got {genes!r}."
        raise TypeError(msg)
    wanted = [genes] if isinstance(genes, str) else [str(g) for g in genes]
    if keys.displacement not in adata.obsm:
        msg = f"obsm[{keys.displacement!r}] is missing: use the object that cgmm.tl.fit has filled."
        raise KeyError(msg)
    rows = rows_of_fit(adata, known)[SOURCE]
    moves = np.asarray(adata.obsm[keys.displacement])[rows]
    held = expression_of(adata, expression, layer)
    if held is None:
        msg = "The object has no X: give expression=, an object with the same cells and genes."
        raise ValueError(msg)
    columns = _columns(held.adata, wanted)
    if known["use_rep"] == FEATURES:
        change = moves[:, columns] if moves.shape[1] > columns.max(initial=-1) else None
        if change is None:
            msg = f"The fit has the first {moves.shape[1]} features only: ask for these."
            raise KeyError(msg)
    else:
        table = _loadings(held.adata, adata, loadings, known["use_rep"])[:, : moves.shape[1]]
        blind = [g for g, c in zip(wanted, columns, strict=True) if not table[c].any()]
        if blind:
            msg = (
                f"{len(blind)} of {len(wanted)} genes have no loadings (such as {blind[0]!r}): "
                "the representation did not see them, so their change is not known. "
                "cgmm.tl.genes compares all genes."
            )
            raise ValueError(msg)
        if known["use_rep"] == PCA:
            scores = representation(adata, known["use_rep"], known["n_dims"])
            _check_units(held.matrix, table / held.unit, scores, rows)
        change = moves @ table[columns].T
    own = in_memory(held.matrix[rows], columns)
    own = own.toarray() if sp.issparse(own) else np.asarray(own)
    return pd.DataFrame(own + held.unit * change, index=adata.obs_names[rows], columns=wanted)


def _columns(holder: ad.AnnData, wanted: list[str]) -> np.ndarray:
    names = holder.var_names
    place = {str(name): i for i, name in enumerate(names)}
    missing = [g for g in wanted if g not in place]
    if missing:
        msg = f"{len(missing)} of {len(wanted)} genes are not in var_names, such as {missing[0]!r}."
        raise KeyError(msg)
    if twice := sorted(set(wanted) & set(names[names.duplicated()].astype(str))):
        msg = f"{twice[0]!r} is more than once in var_names: call var_names_make_unique() first."
        raise ValueError(msg)
    return np.array([place[g] for g in wanted], dtype=int)


def _loadings(holder: ad.AnnData, adata: ad.AnnData, name: str | None, use_rep: str) -> np.ndarray:
    """Find the loadings of the genes of ``holder``, shape (n_genes, n_components)."""
    name = name or LOADINGS_OF.get(use_rep)
    if name is None:
        msg = f"Name the loadings of {use_rep!r}: loadings= is an entry of varm."
        raise KeyError(msg)
    for one in (holder, adata):
        if name in one.varm and one.var_names.equals(holder.var_names):
            return np.asarray(one.varm[name], dtype=float)
    msg = (
        f"loadings={name!r} is not in varm of an object with the genes of the expression, in their "
        "order (scanpy.pp.pca writes 'PCs')."
    )
    raise KeyError(msg)


def _check_units(matrix: Any, table: np.ndarray, scores: np.ndarray, rows: np.ndarray) -> None:
    """Check that the scores are expression times loadings, up to a constant."""
    some = rows[np.linspace(0, len(rows) - 1, min(N_CHECKED, len(rows))).astype(int)]
    seen = np.flatnonzero(table.any(axis=1))
    part = in_memory(matrix[some], seen)
    part = part.toarray() if sp.issparse(part) else np.asarray(part)
    scores = scores[some, : table.shape[1]]
    off = part @ table[seen] - scores
    misfit = off.var(axis=0).sum() / max(float(scores.var(axis=0).sum()), 1e-300)
    if misfit > MAX_MISFIT:
        msg = (
            "X_pca is not this expression times the loadings (it misses "
            f"{100 * misfit:.0f} % of the variance): the values were probably scaled for PCA. "
            "Give the values that PCA saw with expression= or layer=."
        )
        raise ValueError(msg)
