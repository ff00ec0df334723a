"""How much each donor matters, in words; the numbers come from influence.tsv."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmm.report.claims.finding import Finding
from cgmm.report.claims.verdict import Verdict
from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.thresholds import MIN_DONORS

KEPT = 0.5  # of a change (log2) that must be left without any one donor
STANDS_OUT = 2.0


@dataclass(frozen=True)
class Influence:
    """Factor of one population, and the factor with each donor left out."""

    index: int
    name: str
    log2_net: float
    without: dict[str, float]
    against: tuple[str, ...]

    @property
    def donor(self) -> str:
        """The donor without whom the factor moves most."""
        return max(self.without, key=lambda d: abs(self.without[d] - self.log2_net))

    @property
    def low(self) -> float:
        """Lowest log2 factor with one donor left out."""
        return min(self.without.values())

    @property
    def high(self) -> float:
        """Highest log2 factor with one donor left out."""
        return max(self.without.values())

    @property
    def driven(self) -> bool:
        """Whether less than half of the change is left without one donor."""
        left = self.without[self.donor] * np.sign(self.log2_net)
        return bool(left < KEPT * abs(self.log2_net))


def influences(results: Results, verdict: Verdict) -> list[Influence]:
    """Return how each factor changes when each donor in turn is left out.

    Parameters
    ----------
    results
        A checked results folder.
    verdict
        The findings, for names and order.

    Returns
    -------
    One entry per population with a finite factor; empty when a side has fewer than three donors.
    """
    table = results.tables["influence"]
    if table.empty or min(results.donors_per_side()) < MIN_DONORS:
        return []
    rows_of = dict(list(table.groupby("name", sort=False)))
    return [
        _influence(finding, rows_of[finding.name])
        for finding in verdict.findings
        if finding.name in rows_of and np.isfinite(finding.log2_net)
    ]


def _influence(finding: Finding, rows: pd.DataFrame) -> Influence:
    return Influence(
        index=finding.index,
        name=finding.name,
        log2_net=finding.log2_net,
        without=dict(zip(rows["donor"], rows["log2_net_without"].astype(float), strict=True)),
        against=tuple(rows.loc[rows["disagrees"].astype(str) == "True", "donor"]),
    )


def driven_by_one(entries: list[Influence], verdict: Verdict) -> list[Influence]:
    """Return the reported changes of which less than half is left without one donor."""
    changed = {f.index for f in verdict.findings if f.prevalence.is_growth_or_loss}
    return [e for e in entries if e.index in changed and e.driven]


def donor_sentences(entries: list[Influence], verdict: Verdict) -> list[str]:
    """Write which donors disagree, and leaving out which donor moves the factors most.

    Parameters
    ----------
    entries
        From :func:`influences`.
    verdict
        The findings they belong to.
    """
    if not entries:
        return []
    return [_disagreement(entries, verdict), _leverage(entries)]


def _disagreement(entries: list[Influence], verdict: Verdict) -> str:
    changed = {f.index for f in verdict.findings if f.prevalence.is_growth_or_loss}
    named = [e for e in entries if e.index in changed]
    if not named:
        return "No prevalence change is reported, so there is none a donor could disagree with."
    where: dict[str, list[str]] = {}
    for entry in named:
        for donor in entry.against:
            where.setdefault(donor, []).append(entry.name)
    if not where:
        names = text.join_some([e.name for e in named])
        return f"Every donor agrees with the prevalence changes reported here ({names})."
    worst = sorted(where, key=lambda d: (-len(where[d]), d))
    parts = [f"{d} in {text.join_some(where[d], 3)}" for d in worst]
    return (
        f"Donors who point the other way, of {text.plural(len(named), 'reported change')}: "
        f"{text.join_some(parts, 4)}."
    )


def _leverage(entries: list[Influence]) -> str:
    moved = pd.DataFrame(
        {e.index: {d: abs(v - e.log2_net) for d, v in e.without.items()} for e in entries}
    ).mean(axis=1)
    moved = moved.sort_values(ascending=False, kind="stable")
    donor, most = str(moved.index[0]), float(moved.iloc[0])
    others = float(moved.iloc[1:].median())
    number = f"{text.ratio(2**most)}-fold on average (others: "
    number += f"{text.ratio(2**others)}-fold)"
    if most > STANDS_OUT * others:
        return f"{donor} stands out: leaving it out moves the factors {number}."
    return f"No donor stands out: leaving out {donor}, the strongest, moves the factors {number}."
