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
    """Data of the opening: the verdict, its caveats, its most serious alerts, and all as text."""

    verdict: Verdict
    problems: list[Alert]
    warnings: list[Alert]
    caveats: dict[int, list[tuple[str, str]]]
    text: str


def section(claims: Claims) -> Section:
    """Return the opening of the page."""
    return Section(
        key="verdict",
        title="What changed",
        template="verdict.html.j2",
        data=Opening(
            verdict=claims.verdict,
            problems=[a for a in claims.alerts if a.level is Level.PROBLEM],
            warnings=[a for a in claims.alerts if a.level is Level.WARNING],
            caveats=claims.caveats(),
            text=verdict_text(claims),
        ),
    )
