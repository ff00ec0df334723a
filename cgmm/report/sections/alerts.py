"""Section "Before you trust it": what is wrong with the comparison, and what to do about it."""

from __future__ import annotations

from cgmm.report.claims.claims import Claims
from cgmm.report.sections.section import Paragraph, Section

NOTHING_WRONG = (
    "No check of this page found a problem. Before you report a change, look at its donors, at its "
    "cells on the map, and at what leads its shift."
)


def section(claims: Claims) -> Section:
    """Return the section with all alerts, or with what to look at where there is none."""
    return Section(
        key="alerts",
        title="Before you trust it",
        template="alerts.html.j2",
        data=claims.alerts,
        parts=[] if claims.alerts else [Paragraph(NOTHING_WRONG)],
        questions=[("alerts", "What should I check next?")],
    )
