"""Section "Before you trust it": what is wrong with the comparison, and what to do about it."""

from __future__ import annotations

from cgmm.report.claims.claims import Claims
from cgmm.report.sections.section import Section


def section(claims: Claims) -> Section | None:
    """Return the section with all alerts; None when nothing is wrong."""
    if not claims.alerts:
        return None
    return Section(
        key="alerts",
        title="Before you trust it",
        template="alerts.html.j2",
        data=claims.alerts,
    )
