"""The opening of the report as plain text, to be pasted into a mail or a notebook."""

from __future__ import annotations

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.states import Level
from cgmm.report.page import text


def verdict_text(claims: Claims) -> str:
    """Return headline, answers, what to know before, and one line per population.

    Parameters
    ----------
    claims
        What the report states.
    """
    results, verdict = claims.results, claims.verdict
    caveats = claims.caveats()
    lines = [results.title, "", *verdict.headline, ""]
    lines += [f"{question}: {answer}" for question, answer in verdict.answers]
    serious = [a for a in claims.alerts if a.level is not Level.NOTE]
    if serious:
        lines += ["", "Before you trust it:"]
        lines += [f"- {a.title}. {a.text}" for a in serious]
    lines += ["", "Each population:"]
    for finding in verdict.findings:
        line = f"- {finding.name}: {finding.sentence}."
        for _, words in caveats.get(finding.index, []):
            line += f" {text.sentence(words)}"
        lines.append(line)
    lines += ["", "Factors are relative: all shares add up to 100%."]
    return "\n".join(lines).replace("\u00a0", " ") + "\n"
