"""Whether values can be used: counts for RNA, transformed channels for cytometry."""

from __future__ import annotations

from typing import Any, NamedTuple

import h5py
import numpy as np

from cgmm._utils.rows import row_ends
from cgmm.pp._file_checks import check_table, part
from cgmm.pp._names import no_markers
from cgmm.pp._one_name import Features
from cgmm.pp._read import RAW, place_of, values_of
from cgmm.pp._samples import CYTOMETRY, InputError, listed, notice

BLOCK = 250_000
N_BLOCKS = 8
MAX_LOG = 30  # logarithms of counts stay below
MAX_SPREAD_RATIO = 50  # of the spread of a channel to that of the middle one
N_ROWS = 200  # cells whose totals are compared
MIN_ROWS = 20
MIN_VARIATION = 0.01  # standard deviation of the totals of cells, to their mean
MAX_TRANSFORMED = 1000  # values of transformed channels stay below


class Spread(NamedTuple):
    """Values spread over a stored matrix, and what each feature holds of them."""

    values: np.ndarray  #: at most ``N_BLOCKS * BLOCK``, for a sparse matrix those that are stored
    sums: np.ndarray  #: (n_features,) sum of the values of each feature


def spread(matrix: h5py.Group | h5py.Dataset) -> Spread:
    """Read values spread over a stored matrix."""
    if isinstance(matrix, h5py.Dataset):
        rows = [np.asarray(matrix[s]) for s in _slices(matrix.shape[0], max(1, matrix.shape[1]))]
        values = np.concatenate([np.ravel(block) for block in rows]).astype(float)
        sums = np.sum([np.nansum(block, axis=0, dtype=float) for block in rows], axis=0)
        return Spread(values, np.asarray(sums))
    n_features = int(matrix.attrs["shape"][1])
    slices = _slices(matrix["data"].shape[0], 1)
    blocks = [np.asarray(matrix["data"][s]).astype(float) for s in slices]
    sums = np.zeros(n_features)
    by_rows = matrix.attrs.get("encoding-type") == "csr_matrix"
    starts = None if by_rows else np.asarray(matrix["indptr"][()], dtype=np.int64)
    for part_of_data, block in zip(slices, blocks, strict=True):
        if starts is None:
            columns = np.asarray(matrix["indices"][part_of_data], dtype=np.int64)
        else:
            at = np.arange(part_of_data.start, part_of_data.start + len(block))
            columns = np.searchsorted(starts, at, side="right") - 1
        if len(columns) and (columns.min() < 0 or columns.max() >= n_features):
            return Spread(np.concatenate(blocks), np.zeros(n_features))  # refused when it is read
        sums += np.bincount(columns, weights=np.nan_to_num(block), minlength=n_features)
    return Spread(np.concatenate(blocks), sums)


def _slices(length: int, per_row: int) -> list[slice]:
    step = max(1, BLOCK // per_row)
    starts = np.unique(np.linspace(0, max(0, length - step), N_BLOCKS).astype(int))
    return [slice(int(s), int(s) + step) for s in starts]


def problem_of_counts(values: np.ndarray) -> str | None:
    """Say why values are not counts, as the end of a sentence; None when they are."""
    if values.size == 0:
        return None
    if not np.isfinite(values).all():
        return "hold missing or infinite values"
    low, high = float(values.min()), float(values.max())
    if low < 0:
        return f"hold negative values (smallest {low:.3g}), as scaled data do"
    if np.any(values != np.floor(values)):
        kind = (
            "they look like logarithms"
            if high < MAX_LOG
            else "they look normalised, or corrected for ambient RNA (then round them)"
        )
        example = float(values[values != np.floor(values)][0])
        return f"are not whole numbers (for example {example:.4g}, largest {high:.4g}): {kind}"
    if high == 0:
        return "are all zero"
    return None


def notices_of_counts(path: str, matrix: h5py.Group | h5py.Dataset) -> list[dict[str, str]]:
    """Say when whole numbers are no counts: 0 and 1 only, or scaled to one total and rounded.

    Parameters
    ----------
    path
        The file, as the remark names it.
    matrix
        The stored counts, already checked.
    """
    n_rows = len(row_ends(matrix)) - 1 if _by_rows(matrix) else 0
    if n_rows < MIN_ROWS:
        return []
    values = _values_of_rows(matrix, np.unique(np.linspace(0, n_rows - 1, N_ROWS).astype(int)))
    totals = np.array([row.sum() for row in values if row.any()])
    if not len(totals):
        return []
    said = ""
    if max(float(row.max()) for row in values if row.any()) == 1.0:
        said = "holds 0 and 1 only, so it says which genes were seen, not how often"
    elif float(np.std(totals)) < MIN_VARIATION * float(np.mean(totals)):
        said = (
            f"has nearly the same total in every cell (about {float(np.mean(totals)):,.0f}), as "
            "values that were normalised and then rounded"
        )
    if not said:
        return []
    return [
        notice(
            "warning",
            f"{path}: {said}.",
            "Give the raw counts: name the layer that holds them as `counts_layer` in the config.",
        )
    ]


def _by_rows(matrix: h5py.Group | h5py.Dataset) -> bool:
    dense = isinstance(matrix, h5py.Dataset)
    return dense or matrix.attrs.get("encoding-type") == "csr_matrix"


def _values_of_rows(matrix: h5py.Group | h5py.Dataset, rows: np.ndarray) -> list[np.ndarray]:
    """Values of some rows; the columns of a sparse matrix, which are not checked, are not used."""
    if isinstance(matrix, h5py.Dataset):
        return [np.asarray(matrix[int(row)], dtype=float) for row in rows]
    ends = row_ends(matrix)
    return [np.asarray(matrix["data"][ends[r] : ends[r + 1]], dtype=float) for r in rows]


def problems_of_values(
    file: h5py.File, seen: Spread, *, layer: str | None, modality: str
) -> list[str]:
    """Sentences about values that are not counts (RNA) or not finite (cytometry)."""
    place = place_of(file, layer)
    where = f"{file.filename}: the values in {place.said}"
    if modality == CYTOMETRY:
        if np.isfinite(seen.values).all():
            return []
        return [f"{where} hold missing or infinite values. Remove those cells."]
    reason = problem_of_counts(seen.values)
    if not seen.values.size and check_table(file, "obs") and check_table(file, place.var):
        reason = "are all zero"  # a sparse matrix that stores none
    if reason is None:
        return []
    there = listed(file.get("layers", {}))
    elsewhere = _counts_elsewhere(file, place.matrix)
    advice = (
        f"{elsewhere[0]} of this file holds whole numbers: set `counts_layer: {elsewhere[1]}` in "
        f"the config (layers: {there})."
        if elsewhere
        else f"name the layer that holds them as `counts_layer` in the config (layers: {there}), "
        "or export the counts again."
    )
    return [f"{where} {reason}. Raw counts are needed: {advice}"]


def _counts_elsewhere(file: h5py.File, used: str) -> tuple[str, str] | None:
    """Another matrix of a file that holds counts: its place, and how ``counts_layer`` names it."""
    layers = part(file, "layers")
    names = list(layers) if isinstance(layers, h5py.Group) else []
    named: list[tuple[str | None, str]] = [(name, f"layer {name!r}") for name in names]
    named.insert(0, ("raw" if "raw" not in names else RAW[1], "raw/X"))
    if used != "X":
        named.append((None, "X"))
    for layer, said in named:
        if place_of(file, layer).matrix == used:
            continue
        try:
            values = spread(values_of(file, layer=layer)).values
        except InputError:
            continue
        if values.size and problem_of_counts(values) is None:
            return said, "null" if layer is None else str(layer)
    return None


def notices_of_channels(
    path: str, seen: Spread, matrix: Any, features: Features
) -> list[dict[str, str]]:
    """Remarks about channels of cytometry that are no markers, or are not transformed.

    Parameters
    ----------
    path
        The file.
    seen
        Values of all its features.
    matrix
        The stored matrix.
    features
        The features that are used.
    """
    found = []
    names = [str(name) for name in features.names]
    if kinds := no_markers(names):
        channels = [name for group in kinds.values() for name in group]
        found.append(
            notice(
                "warning",
                f"{path}: {listed(channels)} are no markers ({', '.join(kinds)}), but the fit "
                "uses them.",
                f"Leave them out: `features: {{leave_out: {channels}}}` in the config.",
            )
        )
    spreads = _spreads(matrix)[features.columns] if matrix is not None else np.zeros(0)
    middle = float(np.median(spreads)) if len(spreads) else 0.0
    wide = [
        name
        for name, width in zip(names, spreads, strict=False)
        if width > MAX_TRANSFORMED or (middle > 0 and width > MAX_SPREAD_RATIO * middle)
    ]
    if wide:
        found.append(
            notice(
                "warning",
                f"{path}: {listed(wide)} have values far wider than transformed channels "
                f"(largest {float(np.nanmax(seen.values)):,.0f}), so they alone decide the fit.",
                "Transform them (arcsinh, with a cofactor of 150 for fluorescence, 5 for mass), or "
                "leave them out with `features: {leave_out: [...]}` in the config.",
            )
        )
    values = seen.values
    if not wide and values.size and np.ptp(values) > 0 and bool((values == np.rint(values)).all()):
        found.append(
            notice(
                "warning",
                f"{path}: the channels hold whole numbers only, as an instrument writes them.",
                "Transform them (arcsinh, with a cofactor of 150 for fluorescence, 5 for mass).",
            )
        )
    return found


def _spreads(matrix: Any) -> np.ndarray:
    """Width of the middle 98 % of the values of each feature, in the first rows and some others."""
    if isinstance(matrix, h5py.Group):
        from anndata.io import read_elem

        rows = read_elem(matrix)[:5000].toarray()
    else:
        rows = np.concatenate(
            [np.asarray(matrix[s]) for s in _slices(matrix.shape[0], 10 * max(1, matrix.shape[1]))]
        )
    low, high = np.nanpercentile(rows.astype(float), [1, 99], axis=0)
    return np.asarray(high - low)
