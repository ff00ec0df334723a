"""Tables as the template shows them: formatted cells with a value to sort by, never empty."""

from __future__ import annotations

from cgmm.report.tables.choices import sensitivity
from cgmm.report.tables.groups import components, truth
from cgmm.report.tables.people import donors, influence, positions
from cgmm.report.tables.prevalence import arrivals, factors, more_factors, transfers
from cgmm.report.tables.quality import key_values, samples
from cgmm.report.tables.state import genes, shifts

__all__ = [
    "arrivals",
    "components",
    "donors",
    "factors",
    "genes",
    "influence",
    "key_values",
    "more_factors",
    "positions",
    "samples",
    "sensitivity",
    "shifts",
    "transfers",
    "truth",
]
