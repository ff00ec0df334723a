"""What `cgmm.tl` computes from a fit and an AnnData object before it writes anything."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm import donors, naming
from cgmm import genes as gene_level
from cgmm._keys import SIDES, SOURCE, TARGET, Uns
from cgmm._validate import Sides, check_object, column
from cgmm.coupled import CoupledFit
from cgmm.displacement import displacement

VERSIONED = ("cgmm", "jax", "jaxlib", "numpy", "scipy", "pandas", "anndata", "scanpy")


class Held(NamedTuple):
    """Expression of the cells of an object, and the object whose genes it has."""

    matrix: Any  #: (n_cells, n_genes), dense or sparse
    adata: ad.AnnData
    rows: np.ndarray  #: (n_cells,) where its cells stand in that object


class CellFields(NamedTuple):
    """Per-cell results over all cells of the object, missing where they do not apply."""

    component: pd.Categorical
    log2_net_factor: np.ndarray  #: (n_cells,)
    shift: np.ndarray  #: (n_cells,)
    responsibilities: np.ndarray  #: (n_cells, max(K0, K1))
    displacement: np.ndarray  #: (n_cells, D), in the precision of the representation
    projected: np.ndarray  #: (n_cells, D), likewise


# Input ---------------------------------------------------------------------------


def check_naming(
    adata: ad.AnnData, name_by: str | None, expression: ad.AnnData | None, layer: str | None
) -> Held | None:
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
) -> Held | None:
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
        _refuse_twice(holder.obs_names, "expression= names cells", "obs_names_make_unique()")
        rows = holder.obs_names.get_indexer(adata.obs_names)
        matrix = matrix[rows]
    return Held(matrix, holder, rows)


def _refuse_twice(names: pd.Index, what: str, cure: str) -> None:
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


def cell_weights(found: Sides) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Weights that make donors count equally, or None without donors."""
    if found.donors_source is None or found.donors_target is None:
        return None, None
    return donors.donor_weights(found.donors_source), donors.donor_weights(found.donors_target)


def side_moments(
    held: Held, found: Sides, responsibilities: Sequence[np.ndarray]
) -> tuple[gene_level.Moments, gene_level.Moments]:
    """Moments of expression of the components of both sides."""
    source, target = (
        gene_level.moments(held.matrix[rows], r, weights=w)
        for rows, r, w in zip(
            (found.rows_source, found.rows_target),
            responsibilities,
            cell_weights(found),
            strict=True,
        )
    )
    return source, target


# Components ------------------------------------------------------------------------


def component_table(
    adata: ad.AnnData,
    fit: CoupledFit,
    found: Sides,
    responsibilities: tuple[np.ndarray, np.ndarray],
    name_by: str | None,
    held: Held | None,
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
        coupling=donors.transfer_mass(fit.coupling, fit.shares_source),
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
    moments: tuple[gene_level.Moments, gene_level.Moments], origin: np.ndarray
) -> np.ndarray:
    """Genes that tell the conditions apart rather than the subpopulations."""
    change = gene_level.gene_shift(moments[0], moments[1], origin).log2_change
    _, widespread = gene_level.breadth(change)
    return widespread & (np.abs(np.nan_to_num(change)).max(axis=0) > 1)


def donor_table(per_donor: dict[str, donors.DonorShares | None]) -> pd.DataFrame:
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


# Cells -----------------------------------------------------------------------------


def cell_fields(
    n_obs: int,
    fit: CoupledFit,
    found: Sides,
    responsibilities: tuple[np.ndarray, np.ndarray],
    uns: dict[str, Any],
) -> CellFields:
    """Spread the results of both sides over all cells of the object."""
    r0, r1 = responsibilities
    net, origin = np.exp2(fit.log2_net), fit.origin
    back = origin.T @ np.where(np.isfinite(net), net, 0.0)
    log2_net = np.full(n_obs, np.nan)
    with np.errstate(divide="ignore"):
        own = fit.log2_net_cells
        if own is None or len(own) != len(r0):  # not of these cells
            own = np.log2(r0 @ np.where(np.isfinite(net), net, 0.0))
        log2_net[found.rows_source] = own
        old = r1 @ (origin.sum(axis=0) > 0)
        factor = donors.divide(r1 @ back, old)
        log2_net[found.rows_target] = np.where(old < 0.5, np.inf, np.log2(factor))

    moves = np.full((n_obs, found.points_source.shape[1]), np.nan, found.dtype)
    places = moves.copy()
    moved = displacement(
        found.points_source,
        r0,
        means_source=fit.source.means,
        means_target=fit.target.means,
        covariances_source=fit.source.covariances,
        covariances_target=fit.target.covariances,
        coupling=fit.coupling,
    )
    shift = np.full(n_obs, np.nan)
    shift[found.rows_source] = np.linalg.norm(moved, axis=1)
    moves[found.rows_source] = moved
    moved += found.points_source
    places[found.rows_source] = moved
    padded = np.full((n_obs, max(fit.coupling.shape)), np.nan)
    names = np.full(n_obs, None, dtype=object)
    for side, rows, r in (
        (SOURCE, found.rows_source, r0),
        (TARGET, found.rows_target, r1),
    ):
        padded[rows, : r.shape[1]] = r
        names[rows] = np.asarray(uns[Uns.names(side)])[r.argmax(axis=1)]
    categories = list(dict.fromkeys([*uns[Uns.names(SOURCE)], *uns[Uns.names(TARGET)]]))
    return CellFields(
        pd.Categorical(names, categories=categories),
        log2_net,
        shift,
        padded,
        moves,
        places,
    )


# Versions --------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {package: version(package) for package in VERSIONED}
    return {package: number for package, number in found.items() if number is not None}


def version(package: str) -> str | None:
    """Version of an installed package, None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if package != "cgmm":
            return None
        from cgmm import __version__  # used from its folder, not installed

        return __version__
