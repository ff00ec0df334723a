"""Record of how the uncertainty of a fit was computed, and the dict that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cgmm.donors.baseline import Baseline
from cgmm.donors.reasons import Note


@dataclass(frozen=True)
class Exchanges:
    """Exchanges of conditions between donors.

    Attributes
    ----------
    n_made
        Number of exchanges that were made besides the observed assignment.
    n_distinct
        Number of distinct assignments, the observed one included; None when no exchange was made.
    smallest_p
        Smallest p that a permutation test can give; None when no exchange was made.
    """

    n_made: int
    n_distinct: int | None = None
    smallest_p: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the entries of the stored dict."""
        stored: dict[str, Any] = {"n_permutations": self.n_made}
        if self.n_distinct is not None:
            stored |= {"n_distinct": self.n_distinct, "smallest_p": self.smallest_p}
        return stored


@dataclass(frozen=True)
class Facts:
    """How the uncertainty was computed, for readers and for tables.

    Attributes
    ----------
    test, test_reason
        Which p is reported ("" for none), and why.
    level
        Coverage of the intervals.
    n_donors
        Numbers of donors of source and target; zeros when donors are not known.
    paired, adjusted_for_batch
        As in :class:`cgmm.donors.design.Design`.
    baseline, baseline_log2
        Baseline of relative factors, and its log2 net factor.
    source
        What the intervals rest on: "donors", "cells", or "" without intervals.
    notes
        Notes on what was left out, and on what limits the results.
    exchanges
        Exchanges that were made; None when donors are too few for a test.
    """

    test: str
    test_reason: Note
    level: float
    n_donors: tuple[int, int]
    paired: bool
    adjusted_for_batch: bool
    baseline: Baseline
    baseline_log2: float
    source: str
    notes: tuple[Note, ...]
    exchanges: Exchanges | None

    def to_dict(self) -> dict[str, Any]:
        """Return the dict that is stored as JSON in ``uns[key]["uncertainty"]["facts"]``."""
        return {
            "test": self.test,
            "test_reason": str(self.test_reason),
            "level": self.level,
            "n_donors": list(self.n_donors),
            "paired": self.paired,
            "adjusted_for_batch": self.adjusted_for_batch,
            "baseline": self.baseline.kind,
            "baseline_log2": self.baseline_log2,
            "source": self.source,
            "sentences": [str(note) for note in self.notes],
            **({} if self.exchanges is None else self.exchanges.to_dict()),
        }
