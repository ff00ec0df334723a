"""What the report on several targets states: which populations respond in which targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.states import Level, Prevalence
from cgmm.report.page import text
from cgmm.results.read import each
from cgmm.results.read_targets import SharedPopulation, TargetResults
from cgmm.thresholds import ALPHA

CHANGED = {Prevalence.MORE, Prevalence.LESS, Prevalence.GONE, Prevalence.NEW}


@dataclass(frozen=True)
class TargetClaims:
    """The tables of several targets, and what the report of each target states.

    Attributes
    ----------
    results
        The folder of the comparison with several targets.
    members
        What the report of each target states, in the order of the targets.
    hrefs
        Links to these reports.
    """

    results: TargetResults
    members: list[Claims]
    hrefs: list[str]

    @property
    def tested(self) -> bool:
        """Whether any change of prevalence has an interval over donors."""
        return any(one.verdict.tested for one in self.members)

    def finding(self, name: str, t: int) -> Finding | None:
        """Return the finding of a population in target ``t``; None where it has no row."""
        found = [f for f in self.members[t].verdict.findings if f.name == name]
        return found[0] if found else None

    def responds_in(self, population: SharedPopulation) -> tuple[int, ...]:
        """Return the targets in which the prevalence of a population changes."""
        found = (self.finding(population.name, t) for t in range(len(self.members)))
        return tuple(t for t, f in enumerate(found) if f is not None and f.prevalence in CHANGED)

    def moves_in(self, population: SharedPopulation) -> tuple[int, ...]:
        """Return the targets in which a population changes its state."""
        found = (self.finding(population.name, t) for t in range(len(self.members)))
        return tuple(t for t, f in enumerate(found) if f is not None and f.moved)

    def trends(self, direction: int) -> list[str]:
        """Return the populations that rise (1) or fall (-1) along the order, largest first."""
        table = self.results.tables["trends"]
        own = table.loc[(table["q"] < ALPHA) & (np.sign(table["log2_trend"]) == direction)]
        order = own["log2_trend"].abs().sort_values(ascending=False, kind="stable").index
        return [str(name) for name in own.loc[order, "name"]]

    def sentences(self) -> list[str]:
        """Return what opens the report."""
        names = [p for p in self.results.populations if self.responds_in(p)]
        n, n_targets = len(self.results.populations), len(self.members)
        if not self.tested:
            made = [
                "Nothing is tested: an interval needs three donors in a condition. The factors "
                "below are sizes without a statement on chance."
            ]
        elif names:
            made = [
                f"Of {text.plural(n, 'population')}, {len(names)} "
                f"{'changes' if len(names) == 1 else 'change'} in prevalence in at least one of "
                f"{n_targets} targets: {text.join_some([p.name for p in names])}."
            ]
        else:
            made = [
                f"None of {text.plural(n, 'population')} clearly changes in prevalence in any of "
                f"{n_targets} targets."
            ]
        return [*made, *self._trend_sentences(), *self._state_sentences()]

    def _trend_sentences(self) -> list[str]:
        if not self.results.scores:
            return []
        up, down = self.trends(1), self.trends(-1)
        parts = [
            f"{text.join_some(names)} {word if len(names) > 1 else single}"
            for names, word, single in ((up, "rise", "rises"), (down, "fall", "falls"))
            if names
        ]
        if parts:
            return [f"Along the order, {text.join(parts)}."]
        if self.results.tables["trends"]["p"].notna().any():
            return ["No population has a clear trend along the order."]
        return []

    def _state_sentences(self) -> list[str]:
        moved = [(p.name, self.moves_in(p)) for p in self.results.populations]
        parts = [
            f"{name} in {text.join([self.results.targets[t] for t in where])}"
            for name, where in moved
            if where
        ]
        return [f"Change of state: {text.join_some(parts, 4)}."] if parts else []

    def alerts(self) -> list[tuple[Alert, list[int]]]:
        """Return the alerts of all targets, worst first, each with the targets that have it."""
        found: dict[tuple[str, str], tuple[Alert, list[int]]] = {}
        for t, member in enumerate(self.members):
            for alert in member.alerts:
                if alert.level is Level.NOTE:
                    continue
                found.setdefault((alert.title, alert.text), (alert, []))[1].append(t)
        return sorted(found.values(), key=lambda pair: pair[0].level.rank)

    def few_donor_reasons(self) -> list[str]:
        """Return why populations have no trend, each reason once."""
        table = self.results.tables["trends"]
        return list(dict.fromkeys(str(row.reason) for row in each(table) if row.reason))
