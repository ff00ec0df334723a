"""Which populations respond in which targets, as intersecting sets."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import POPULATION
from cgmm.pl._style import DOWN, FLAT, TEXT, UP, new_axes, short
from cgmm.thresholds import ALPHA

Responses = dict[tuple[int, ...], list[str]]


def responses(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw in which targets the prevalence of populations changes, like UpSet.

    A population counts in a target when q is below 0.05 over donors. One that does not count may
    have changed by less than the study can see.

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys, key
        The comparisons, as in :func:`cgmm.get.compare`.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Each column is a combination of targets, with the number of populations that respond in
    exactly these above it and their names below. Triangles point up where all of them become more
    common, down where all become rarer; a dot stands for both.

    References
    ----------
    Lex et al. 2014, IEEE Trans. Vis. Comput. Graph. 20:1983.
    """
    table = get.compare(adata, keys, level=POPULATION, key=key)
    targets = list(dict.fromkeys(table["target"]))
    calls = table[table["q"] < ALPHA]
    pairs = zip(calls["name"].astype(str), calls["target"].astype(str), strict=True)
    sign = dict(zip(pairs, np.sign(calls["log2_net"].to_numpy(float)), strict=True))
    groups = _combinations(list(dict.fromkeys(table["name"])), targets, sign)
    ax = new_axes(ax, width=2.6 + 0.7 * max(len(groups), 3), height=2.4 + 0.35 * len(targets))
    ax.set_yticks(range(len(targets)), [short(t, 24) for t in targets])
    ax.set_ylim(len(targets) - 0.5, -1.1)
    ax.set_xlim(-0.6, max(len(groups), 1) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xticks(
        range(len(groups)), [_label(names) for _, names in groups], rotation=60, ha="right"
    )
    ax.tick_params(length=0)
    for x, (where, names) in enumerate(groups):
        ax.text(x, -0.75, str(len(names)), ha="center", va="center", color=TEXT)
        if len(where) > 1:
            ax.plot([x, x], [where[0], where[-1]], color=FLAT, linewidth=1.5, zorder=1)
        for t in range(len(targets)):
            ways = {sign[name, targets[t]] for name in names if (name, targets[t]) in sign}
            marker, colour = _mark(ways) if t in where else (".", FLAT)
            ax.plot([x], [t], marker=marker, color=colour, markersize=10 if t in where else 5)
    if not groups:
        ax.text(0, 0, "no population responds (q < 0.05)", ha="left", va="center", color=TEXT)
    for side in ("top", "right", "bottom", "left"):
        ax.spines[side].set_visible(False)
    return ax


def _combinations(
    names: list[str], targets: list[str], sign: dict[tuple[str, str], float]
) -> list[tuple[tuple[int, ...], list[str]]]:
    """Return combinations of targets with the populations of exactly these, largest first."""
    found: Responses = {}
    for name in names:
        where = tuple(t for t, target in enumerate(targets) if (name, target) in sign)
        if where:
            found.setdefault(where, []).append(name)
    return sorted(found.items(), key=lambda pair: (-len(pair[1]), -len(pair[0]), pair[0]))


def _label(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(short(name, 18) for name in names[:2]) + more


def _mark(ways: set[float]) -> tuple[str, str]:
    if ways == {1.0}:
        return "^", UP
    return ("v", DOWN) if ways == {-1.0} else ("o", FLAT)
