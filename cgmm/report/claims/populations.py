"""What is reported about the populations of the user's annotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.claims.states import GONE, NEW, Prevalence
from cgmm.report.page import text
from cgmm.results.read import Results, each
from cgmm.thresholds import ALPHA, MIN_CHANGE


@dataclass(frozen=True)
class Population:
    """What is reported about one annotated population.

    Attributes
    ----------
    name, share_source, share_target, log2_net, ci_low, ci_high, q, n_cells, n_cells_target, reason
        As in populations.tsv.
    prevalence
        The change that is reported.
    log2_net_fit, fit_says
        Factor by the fit without labels, and whether it agrees, as in populations.tsv.
    parts
        Indices of the subpopulations that are named after it.
    """

    name: str
    share_source: float
    share_target: float
    log2_net: float
    ci_low: float
    ci_high: float
    q: float
    n_cells: int
    n_cells_target: int
    reason: str
    prevalence: Prevalence
    log2_net_fit: float
    fit_says: str
    parts: tuple[int, ...]

    @property
    def has_interval(self) -> bool:
        """Whether an interval over donors is known."""
        return bool(np.isfinite([self.ci_low, self.ci_high]).all())

    @property
    def number(self) -> str:
        """Factor, interval and shares in words."""
        shares = f"{text.percent(self.share_source)} to {text.percent(self.share_target)} of cells"
        factor = text.fold(self.log2_net)
        if self.has_interval:
            interval = text.bracket(text.fold_range(self.ci_low, self.ci_high))
            return f"{factor} {interval} ({shares})"
        return f"{factor} ({shares}; not tested)"


@dataclass(frozen=True)
class Populations:
    """All annotated populations of a comparison; none without an annotation.

    Attributes
    ----------
    all
        In the order of populations.tsv.
    tested
        Whether any has an interval over donors.
    """

    all: list[Population]
    tested: bool

    def having(self, *states: Prevalence) -> list[Population]:
        """Return the populations of some states, the largest change first."""
        found = [p for p in self.all if p.prevalence in states]
        return sorted(found, key=lambda p: -abs(p.log2_net))

    @property
    def more(self) -> list[Population]:
        """Populations that are reported as more common."""
        return self.having(Prevalence.MORE if self.tested else Prevalence.SEEMS_MORE)

    @property
    def less(self) -> list[Population]:
        """Populations that are reported as rarer."""
        return self.having(Prevalence.LESS if self.tested else Prevalence.SEEMS_LESS)

    @property
    def new_or_gone(self) -> list[Population]:
        """Populations that only one condition has."""
        return self.having(Prevalence.NEW, Prevalence.GONE)

    def saying(self, what: str) -> list[Population]:
        """Return the populations with this entry in ``fit_says``."""
        return [p for p in self.all if p.fit_says == what]


def make_populations(results: Results) -> Populations:
    """Derive what is reported about every row of populations.tsv.

    Parameters
    ----------
    results
        A checked results folder.
    """
    components = results.tables["components"]
    of_type: dict[str, list[int]] = {}
    for row in each(components):
        if results.has(row.name) and row.cell_type:
            of_type.setdefault(str(row.cell_type), []).append(results.index_of(row.name))
    found = [
        Population(
            name=str(row.name),
            share_source=row.share_source,
            share_target=row.share_target,
            log2_net=row.log2_net,
            ci_low=row.ci_low,
            ci_high=row.ci_high,
            q=row.q,
            n_cells=int(row.n_cells),
            n_cells_target=int(row.n_cells_target),
            reason=row.reason,
            prevalence=_prevalence(row),
            log2_net_fit=row.log2_net_fit,
            fit_says=row.fit_says,
            parts=tuple(dict.fromkeys(of_type.get(str(row.name), ()))),
        )
        for row in each(results.tables["populations"])
    ]
    return Populations(found, any(p.has_interval for p in found))


def _prevalence(row: object) -> Prevalence:
    status, value, low, high, q = (
        getattr(row, name) for name in ("status", "log2_net", "ci_low", "ci_high", "q")
    )
    significant = bool(q < ALPHA)  # False when q is NaN
    if status and (significant or not np.isfinite(q)):
        return {GONE: Prevalence.GONE, NEW: Prevalence.NEW}[status]
    if np.isfinite(q):
        if significant:
            return Prevalence.MORE if value > 0 else Prevalence.LESS
        same = low > -MIN_CHANGE and high < MIN_CHANGE
        return Prevalence.SAME if same else Prevalence.UNCLEAR
    if abs(value) < MIN_CHANGE:
        return Prevalence.SIMILAR
    return Prevalence.SEEMS_MORE if value > 0 else Prevalence.SEEMS_LESS
