"""The findings of a comparison, grouped by what is reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.claims.finding import Finding
from cgmm.report.claims.states import Prevalence


@dataclass(frozen=True)
class Groups:
    """Findings by what is reported; a finding can be in several groups.

    Attributes
    ----------
    findings
        All findings, in the order of the populations.
    tested
        Whether any factor has an interval over donors.
    state_tested
        Whether any shift has an interval over donors.
    more, less
        Largest change first: tested changes where there are tests, apparent changes otherwise.
    moved
        Changes of state, farthest first.
    elsewhere
        Populations whose main counterpart has another name.
    untested
        Apparent changes without a test, where other populations have a test.
    new, gone
        Populations without a counterpart.
    still
        Populations of which no change is reported.
    """

    findings: list[Finding]
    tested: bool
    state_tested: bool
    more: list[Finding]
    less: list[Finding]
    moved: list[Finding]
    elsewhere: list[Finding]
    untested: list[Finding]
    new: list[Finding]
    gone: list[Finding]
    still: list[Finding]

    @property
    def n_source(self) -> int:
        """Number of populations of the source."""
        return sum(bool(np.isfinite(f.share_source)) for f in self.findings)


def make_groups(findings: list[Finding]) -> Groups:
    """Group the findings of a comparison."""
    tested = any(f.has_interval for f in findings)

    def having(*kinds: Prevalence) -> list[Finding]:
        return [f for f in findings if f.prevalence in kinds]

    more = having(Prevalence.MORE if tested else Prevalence.SEEMS_MORE)
    less = having(Prevalence.LESS if tested else Prevalence.SEEMS_LESS)
    return Groups(
        findings=findings,
        tested=tested,
        state_tested=any(f.has_shift_interval for f in findings),
        more=sorted(more, key=lambda f: -f.log2_net),
        less=sorted(less, key=lambda f: f.log2_net),
        moved=sorted((f for f in findings if f.moved), key=lambda f: -f.shift_sd),
        elsewhere=[f for f in findings if f.elsewhere],
        untested=having(Prevalence.SEEMS_MORE, Prevalence.SEEMS_LESS) if tested else [],
        new=having(Prevalence.NEW),
        gone=having(Prevalence.GONE),
        still=[f for f in findings if not f.changed],
    )
