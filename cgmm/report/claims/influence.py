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


@dataclass(frozen=True)
class Influence:
    """Factor of one population, and the factor with each donor left out.

    ``against`` has the donors that point the other way, ``leaves`` the donors without whom the
    factor lies outside its interval, ``outside`` the donors (with the condition) whose share lies
    outside the shares of the others by more than chance.
    """

    index: int
    name: str
    log2_net: float
    without: dict[str, float]
    against: tuple[str, ...]
    leaves: tuple[str, ...] = ()
    outside: tuple[tuple[str, str], ...] = ()

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
        leaves=tuple(rows.loc[rows["leaves_interval"].astype(str) == "True", "donor"]),
        outside=tuple(
            (str(donor), str(where))
            for donor, where in zip(rows["donor"], rows["outside"], strict=True)
            if where
        ),
    )


def driven_by_one(entries: list[Influence], verdict: Verdict) -> list[Influence]:
    """Return the reported changes of which less than half is left without one donor."""
    changed = {f.index for f in verdict.findings if f.prevalence.is_growth_or_loss}
    return [e for e in entries if e.index in changed and e.driven]


def apart(entries: list[Influence]) -> dict[str, tuple[list[str], list[str]]]:
    """Return the donors that stand apart by an absolute rule, the one with most reasons first.

    Returns
    -------
    For each donor the populations whose factor leaves its interval without it, and the populations,
    with the condition, in which its share lies outside those of all others by more than chance.
    """
    found: dict[str, tuple[list[str], list[str]]] = {}
    for entry in entries:
        for donor in entry.leaves:
            found.setdefault(donor, ([], []))[0].append(entry.name)
        for donor, condition in entry.outside:
            found.setdefault(donor, ([], []))[1].append(f"{entry.name} in {condition}")
    return dict(sorted(found.items(), key=lambda kv: (-sum(map(len, kv[1])), kv[0])))


def apart_words(reasons: tuple[list[str], list[str]]) -> str:
    """Write why a donor stands apart."""
    leaves, outside = reasons
    said = []
    if leaves:
        many = "factor leaves its interval" if len(leaves) == 1 else "factors leave their intervals"
        said.append(f"without it the {many} ({text.join_some(leaves, 4)})")
    if outside:
        said.append(f"its share lies outside those of all others ({text.join_some(outside, 4)})")
    return "; ".join(said)


def donor_sentences(entries: list[Influence], verdict: Verdict) -> list[str]:
    """Write which donors stand apart, which disagree, and how much one donor moves the factors.

    Parameters
    ----------
    entries
        From :func:`influences`.
    verdict
        The findings they belong to.
    """
    if not entries:
        return []
    return [_standing_apart(entries), _disagreement(entries, verdict), _leverage(entries)]


def _standing_apart(entries: list[Influence]) -> str:
    found = apart(entries)
    donors = {donor for entry in entries for donor in entry.without}
    looked = (
        f"{text.plural(len(entries), 'population')} and {text.plural(len(donors), 'donor')}, "
        "whether or not a change is reported"
    )
    if not found:
        return (
            f"No donor stands apart (of {looked}): without any one donor every factor stays in its "
            "interval, and no share lies outside those of the other donors of its condition by "
            "more than chance (q under 0.01)."
        )
    said = [f"{donor}: {apart_words(reasons)}" for donor, reasons in found.items()]
    return f"Donors that stand apart (of {looked}): {text.join_some(said, 4)}."


def _disagreement(entries: list[Influence], verdict: Verdict) -> str:
    changed = {f.index for f in verdict.findings if f.prevalence.is_growth_or_loss}
    named = [e for e in entries if e.index in changed]
    if not named:
        return "No prevalence change is reported, so no donor can point against one."
    where: dict[str, list[str]] = {}
    for entry in named:
        for donor in entry.against:
            where.setdefault(donor, []).append(entry.name)
    if not where:
        names = text.join_some([e.name for e in named])
        return f"Every donor points the way of the prevalence changes reported here ({names})."
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
    return (
        f"Leaving out {donor} moves the factors most, {text.ratio(2**most)}-fold on average "
        f"(others: {text.ratio(2**others)}-fold)."
    )
