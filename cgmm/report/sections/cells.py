"""The drawn cells: the population and the condition of each, and its place on a map."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from cgmm.report.page.scatter import HEIGHT, WIDTH, View
from cgmm.results.read import Results

NO_SUBPOPULATION = 255


def cell_index(results: Results) -> np.ndarray:
    """Return the population of each drawn cell, shape (n,); 255 for none."""
    known = {s.name: s.index for s in results.populations}
    names = results.cells["population"].astype(str)
    return np.array([known.get(n, NO_SUBPOPULATION) for n in names], dtype=np.int64)


def cell_side(results: Results) -> np.ndarray:
    """Return 0 for source cells, 1 for target cells, 2 for others, shape (n,)."""
    condition = results.cells["condition"].astype(str).to_numpy(dtype=object)
    return np.where(condition == results.source, 0, np.where(condition == results.target, 1, 2))


def make_view(results: Results, key: str) -> View | None:
    """Return the view `key` ("UMAP" or "PC") of the cells; None when its columns are absent."""
    cells = results.cells
    found = {str(c).upper(): str(c) for c in cells.columns}
    wanted = [f"{key}1", f"{key}2"]
    if not len(cells) or any(w not in found for w in wanted):
        return None
    xy = cells[[found[w] for w in wanted]].to_numpy(dtype=float)
    good = xy[np.isfinite(xy).all(axis=1)]
    if not len(good):
        return None
    low, high = np.percentile(good, 0.1, axis=0), np.percentile(good, 99.9, axis=0)
    pad = 0.06 * np.maximum(high - low, 1e-9)
    return View(key=key, axes=(wanted[0], wanted[1]), xy=xy, low=low - pad, high=high + pad)


def island(results: Results, views: Sequence[View]) -> dict[str, object]:
    """Return the cells for the script of the page; coordinates are 16-bit numbers in base64."""
    if not views:
        return {}
    index, side = cell_index(results), cell_side(results)
    data: dict[str, object] = {
        "width": WIDTH,
        "height": HEIGHT,
        "component": pack(np.clip(index, 0, NO_SUBPOPULATION).astype("<u1")),
        "side": pack(side.astype("<u1")),
    }
    for view in views:
        place = np.nan_to_num(view.place(view.xy), nan=-100.0) / np.array([WIDTH, HEIGHT])
        data[view.key] = pack((np.clip(place + 0.5, 0, 2) / 2 * 65535).astype("<u2"))
    return data


def pack(values: np.ndarray) -> str:
    """Return the bytes of an array in base64."""
    return base64.b64encode(values.tobytes()).decode("ascii")
