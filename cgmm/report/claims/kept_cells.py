"""Alerts on the cells that quality control removed: of a sample, a condition, a label, of all.

Limits remove cells that the treatment damages, or whole cell types with few genes. A condition that
loses other cells than the other one has factors that quality control made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.states import Level
from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.thresholds import MIN_CELLS, MIN_CHANGE_BY_QC, MIN_KEPT

MIN_DIFFERENCE = 0.1  # of the shares kept of two conditions
MIN_ERRORS = 3.0  # a difference of fewer standard errors may be chance
MAX_NAMED = 8
MUCH_REMOVED = 0.2  # of all cells; limits that suit the data seldom remove more

ADVICE = (
    "Look at the limits under qc in config/config.yaml: cells that the treatment damages, and cell "
    "types with few genes, are lost first. Run again with limits that keep them, and report only "
    "what stays."
)


@dataclass(frozen=True)
class Kept:
    """Cells read and kept."""

    name: str
    condition: str
    read: float
    kept: float

    @property
    def share(self) -> float:
        """Part of the cells that was kept; NaN without cells."""
        return self.kept / self.read if self.read else float("nan")


def kept_cells_alerts(results: Results) -> list[Alert]:
    """Return the alerts on the cells that quality control removed.

    Parameters
    ----------
    results
        A checked results folder. ``report.json`` has the cells read and kept of each sample
        (``samples``) and, where cells have labels, of each label (``kept_by_label``).
    """
    samples = _counted(results.meta.get("samples"), "sample")
    labels = _counted(results.meta.get("kept_by_label"), "label")
    named = [*_of_samples(samples), *_of_conditions(results, samples)]
    return [*(named or _of_all(results, samples)), *_of_labels(results, labels)]


def _counted(rows: Any, name: str) -> list[Kept]:
    """Rows of a block of report.json that hold numbers of cells."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, Mapping):
            continue
        read, kept = row.get("n_cells_read"), row.get("n_cells_kept")
        if text.is_number(read) and text.is_number(kept) and 0 <= kept <= read and read > 0:
            found.append(Kept(str(row.get(name)), str(row.get("condition")), read, kept))
    return found


def _of_samples(samples: list[Kept]) -> list[Alert]:
    lost = [f"{s.name} ({text.percent(s.share)} kept)" for s in samples if s.share < MIN_KEPT]
    if not lost:
        return []
    return [
        Alert(
            Level.WARNING,
            "Quality control removed most cells of a sample",
            text.join_some(lost, MAX_NAMED) + ".",
            "Look at the thresholds under qc in config/config.yaml, and at this sample: with a "
            "failed library, remove it from the sample sheet.",
        )
    ]


def _of_all(results: Results, samples: list[Kept]) -> list[Alert]:
    """Note that many cells of all samples were removed, and the samples that lost most."""
    total = _sum([s for s in samples if s.condition in (results.source, results.target)])
    if not total.read or 1 - total.share <= MUCH_REMOVED:
        return []
    return [
        Alert(
            Level.NOTE,
            f"Quality control removed {text.percent(1 - total.share)} of the cells",
            f"{text.count(total.kept)} of {text.count(total.read)} were kept ({_each(samples)}). "
            "The section on samples has the reasons.",
            "Look at the limits under qc in config/config.yaml: limits for whole transcriptomes "
            "are too strict for files that hold some genes only.",
        )
    ]


def _of_conditions(results: Results, samples: list[Kept]) -> list[Alert]:
    """Warn when one condition keeps a smaller part of its cells."""
    sides = [[s for s in samples if s.condition == c] for c in (results.source, results.target)]
    if not all(sides):
        return []
    shares = [float(np.mean([s.share for s in side])) for side in sides]
    pooled = [_sum(side) for side in sides]
    if abs(shares[0] - shares[1]) < MIN_DIFFERENCE or not _beyond_chance(*pooled):
        return []
    said = [
        f"{condition} keeps {text.percent(share)} of its cells ({_each(side)})"
        for condition, share, side in zip(
            (results.source, results.target), shares, sides, strict=True
        )
    ]
    return [
        Alert(
            Level.WARNING,
            "Quality control removed more cells of one condition",
            f"{text.join(said)}.",
            ADVICE,
        )
    ]


def _each(side: list[Kept]) -> str:
    """Write the share that each sample keeps, the smallest first."""
    ordered = sorted(side, key=lambda s: s.share)
    return text.join_some([f"{s.name} {text.percent(s.share)}" for s in ordered], MAX_NAMED)


def _of_labels(results: Results, labels: list[Kept]) -> list[Alert]:
    """Warn when quality control alone changes the share of the cells with a label."""
    total = [
        _sum([k for k in labels if k.condition == c]) for c in (results.source, results.target)
    ]
    found = []
    for name in dict.fromkeys(k.name for k in labels):
        pair = [
            _sum([k for k in labels if k.name == name and k.condition == t.condition])
            for t in total
        ]
        rest = [
            Kept("", t.condition, t.read - p.read, t.kept - p.kept)
            for t, p in zip(total, pair, strict=True)
        ]
        if min(p.read for p in (*pair, *rest)) < MIN_CELLS or not _beyond_chance(*pair):
            continue
        # half a cell keeps the ratio finite where nothing is kept
        changes = [
            np.log2((p.kept + 0.5) / (p.read + 0.5) / ((t.kept + 0.5) / (t.read + 0.5)))
            for p, t in zip(pair, total, strict=True)
        ]
        change = float(changes[1] - changes[0])
        if abs(change) >= MIN_CHANGE_BY_QC:
            found.append((change, name, pair))
    if not found:
        return []
    found.sort(key=lambda one: -abs(one[0]))
    said = [
        f"{name} {text.fold(change)} (kept: {', '.join(map(_in_words, pair))})"
        for change, name, pair in found
    ]
    return [
        Alert(
            Level.WARNING,
            "Quality control changed the share of cell types",
            f"The limits of quality control alone change the prevalence in {results.target} "
            f"relative to {results.source}: {text.join_some(said, MAX_NAMED)}.",
            ADVICE,
        )
    ]


def _in_words(part: Kept) -> str:
    return f"{text.percent(part.share)} of {text.count(part.read)} in {part.condition}"


def _sum(parts: list[Kept]) -> Kept:
    condition = parts[0].condition if parts else ""
    return Kept("", condition, sum(p.read for p in parts), sum(p.kept for p in parts))


def _beyond_chance(one: Kept, other: Kept) -> bool:
    """Whether two shares differ by more than drawing cells explains."""
    if not one.read or not other.read:
        return False
    both = (one.kept + other.kept) / (one.read + other.read)
    error = float(np.sqrt(both * (1 - both) * (1 / one.read + 1 / other.read)))
    return abs(one.share - other.share) > MIN_ERRORS * error
