"""Several targets: what opens the page, the alerts, and the reports of single targets."""

from __future__ import annotations

from cgmm.report.claims.finding import Finding
from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.targets import TargetClaims
from cgmm.report.page import text
from cgmm.report.page.table import Cell, Column, Row, Table, words
from cgmm.report.sections.section import Paragraph, Section


def section(claims: TargetClaims) -> Section:
    """Return the section that opens the page."""
    return Section(
        key="verdict",
        title="In short",
        parts=[
            *(Paragraph(sentence, "lead") for sentence in claims.sentences()),
            Paragraph(_rows_are_shared(claims)),
            targets_table(claims),
        ],
    )


def _rows_are_shared(claims: TargetClaims) -> str:
    source = claims.results.source
    if claims.results.meta.get("annotated"):
        return (
            "Populations are the labels of your annotation, so a row means the same in every "
            f"target. Every factor is against {source}."
        )
    return (
        "Populations were found in the cells of all conditions together, so a row is the same set "
        f"of {source} cells in every target. Every factor is against {source}."
    )


def targets_table(claims: TargetClaims) -> Table:
    """List what changed in every target, with a link to its report."""
    rows = []
    for target, member, href in zip(
        claims.results.targets, claims.members, claims.hrefs, strict=True
    ):
        groups = member.verdict.groups
        n_cells = member.results.meta.get("n_cells") or {}
        rows.append(
            Row(
                [
                    Cell(target, target.lower(), href=href),
                    words(text.count(n_cells["target"]) if "target" in n_cells else ""),
                    words(_donors(member.results.donors_per_side()[1])),
                    words(_names(groups.more)),
                    words(_names(groups.less)),
                    words(_names(groups.moved)),
                    words(_names([*groups.new, *groups.gone])),
                ]
            )
        )
    seems = "" if claims.tested else "Seems "
    return Table(
        key="t-by-target",
        caption="Every target, with its own report",
        columns=[
            Column("Target", "Link to the report of this target", number=False),
            Column("Cells"),
            Column("Donors", number=False),
            Column(f"{seems}{'more' if seems else 'More'} common", number=False),
            Column(f"{seems}{'rarer' if seems else 'Rarer'}", number=False),
            Column("Changed state", number=False),
            Column("New, gone or hardly any left", number=False),
        ],
        rows=rows,
        file="targets",
    )


def _donors(n: int) -> str:
    return "" if not n else str(n)


def _names(findings: list[Finding]) -> str:
    return text.join_some([_said(f) for f in findings])


def _said(finding: Finding) -> str:
    if finding.prevalence in {Prevalence.NEW, Prevalence.GONE}:
        return f"{finding.name} ({finding.prevalence})"
    return finding.name


def alerts(claims: TargetClaims) -> Section | None:
    """Return the section with the alerts of all targets; None when there are none."""
    found = claims.alerts()
    if not found:
        return None
    rows = [
        Row(
            [
                words(alert.level.badge),
                words(alert.title),
                words(text.join([claims.results.targets[t] for t in where])),
                words(alert.text),
            ]
        )
        for alert, where in found
    ]
    table = Table(
        key="t-alerts",
        caption="Warnings of the reports of single targets",
        columns=[
            Column("Level", number=False),
            Column("What", number=False),
            Column("Targets", number=False),
            Column("Why", number=False),
        ],
        rows=rows,
        file="alerts",
    )
    return Section(
        key="alerts", title="Before you trust it", parts=[Paragraph(_which(claims)), table]
    )


def _which(claims: TargetClaims) -> str:
    n = len(claims.alerts())
    return (
        f"{text.plural(n, 'warning')} of the reports of single targets "
        f"{'concerns' if n == 1 else 'concern'} the numbers of this page too. The reports say what "
        "to do."
    )
