"""Everything that the report states about one comparison, computed once for all sections."""

from __future__ import annotations

from dataclasses import dataclass

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.alerts import make_alerts
from cgmm.report.claims.influence import Influence, driven_by_one, influences
from cgmm.report.claims.verdict import Verdict, make_verdict
from cgmm.results.read import Results


@dataclass(frozen=True)
class Claims:
    """A results folder and what the report states about it.

    Attributes
    ----------
    results
        The checked results folder.
    verdict
        Findings of all populations and the words that open the report.
    influences
        Change of each factor when one donor is left out.
    alerts
        What a reader must know before trusting the numbers, worst first.
    """

    results: Results
    verdict: Verdict
    influences: list[Influence]
    alerts: list[Alert]

    def caveats(self) -> dict[int, list[tuple[str, str]]]:
        """Return the caveats of findings, by index: the section to link to, and the words."""
        found: dict[int, list[tuple[str, str]]] = {
            f.index: [("sensitivity", "not settled")]
            for f in self.verdict.findings
            if f.settled is False
        }
        for entry in driven_by_one(self.influences, self.verdict):
            found.setdefault(entry.index, []).append(("donors", f"rests on {entry.donor}"))
        return found


def make_claims(results: Results) -> Claims:
    """Derive everything that the report states.

    Parameters
    ----------
    results
        A checked results folder.
    """
    verdict = make_verdict(results)
    entries = influences(results, verdict)
    return Claims(results, verdict, entries, make_alerts(results, verdict, entries))
