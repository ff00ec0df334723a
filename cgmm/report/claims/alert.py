"""One thing that a reader must know before trusting a number."""

from __future__ import annotations

from dataclasses import dataclass

from cgmm.report.claims.states import Level


@dataclass(frozen=True)
class Alert:
    """One thing that a reader must know before trusting a number."""

    level: Level
    title: str
    text: str
    advice: str = ""
