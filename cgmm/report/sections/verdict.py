"""Opening of the page: the answers, and one line per population."""

from __future__ import annotations

from dataclasses import dataclass

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.as_text import verdict_text
from cgmm.report.claims.claims import Claims
from cgmm.report.claims.states import Level
from cgmm.report.claims.verdict import Verdict
from cgmm.report.sections.section import Section


@dataclass(frozen=True)
class Opening:
    """Data of the opening.

    The verdict, its most serious alerts, its caveats, all of it as text, and the reason that all
    populations share for having no interval.
    """

    verdict: Verdict
    problems: list[Alert]
    warnings: list[Alert]
    caveats: dict[int, list[tuple[str, str]]]
    text: str
    reason: str


def section(claims: Claims) -> Section:
    """Return the opening of the page."""
    return Section(
        key="verdict",
        title=claims.verdict.words.opening,
        template="verdict.html.j2",
        data=Opening(
            verdict=claims.verdict,
            problems=[a for a in claims.alerts if a.level is Level.PROBLEM],
            warnings=[a for a in claims.alerts if a.level is Level.WARNING],
            caveats=claims.caveats(),
            text=verdict_text(claims),
            reason=_one_reason(claims),
        ),
    )


def _one_reason(claims: Claims) -> str:
    """Return the reason why intervals are missing, where it is the same for all populations."""
    untested = [f for f in claims.verdict.findings if f.prevalence.has_factor]
    reasons = {"" if f.has_interval else f.reason for f in untested}
    return reasons.pop() if len(reasons) == 1 and len(untested) > 1 else ""
