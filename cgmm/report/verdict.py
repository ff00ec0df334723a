"""The opening of the report: what happened to all subpopulations together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cgmm.report import text
from cgmm.report.data import Results
from cgmm.report.findings import GENE_LIMIT, Finding, led_by, make_findings, shift_number


@dataclass(frozen=True)
class Verdict:
    """The findings, grouped, and the sentences that open the report."""

    findings: list[Finding]
    sentences: list[str]
    groups: dict[str, list[Finding]]
    common_genes: list[tuple[str, float, int]]
    tested: bool
    notes: list[str] = field(default_factory=list)


def _group(findings: list[Finding], *, tested: bool) -> dict[str, list[Finding]]:
    def having(*kinds: str) -> list[Finding]:
        return [f for f in findings if f.prevalence in kinds]

    moved = [f for f in findings if f.state in {"strong", "moderate"} and f.prevalence != "gone"]
    return {
        "more": sorted(having("more" if tested else "seems_more"), key=lambda f: -f.log2_net),
        "less": sorted(having("less" if tested else "seems_less"), key=lambda f: f.log2_net),
        "moved": sorted(moved, key=lambda f: -f.shift_sd),
        "untested": having("seems_more", "seems_less") if tested else [],
        "new": having("new"),
        "gone": having("gone"),
        "still": [f for f in findings if not f.changed],
    }


def _common_genes(results: Results) -> list[tuple[str, float, int]]:
    genes = results.tables["genes"]
    rows = genes.loc[(genes["scope"] == "common") & np.isfinite(genes["log2_change"])]
    if rows.empty:
        return []
    table = rows.groupby("gene", sort=True).agg(
        change=("log2_change", "median"), n=("n_subpopulations", "max")
    )
    table = table.assign(size=table["change"].abs()).sort_values(
        ["n", "size"], ascending=False, kind="stable"
    )
    return [
        (str(g), float(c), int(n))
        for g, c, n in zip(table.index, table["change"], table["n"], strict=True)
        if abs(c) >= GENE_LIMIT and 2 * n > len(results.tables["factors"])
    ]


def _opening(
    results: Results,
    findings: list[Finding],
    groups: dict[str, list[Finding]],
    common: list[tuple[str, float, int]],
) -> list[str]:
    n = sum(np.isfinite(f.share_source) for f in findings)
    tested = any(f.has_interval for f in findings)
    sentences = []
    moved = groups["moved"]
    counts = []
    for group, word in ((groups["more"], "more common"), (groups["less"], "rarer")):
        seem = "seems" if len(group) == 1 else "seem"
        verb = "became" if tested else f"{seem} to have become"
        if group:
            counts.append(f"{len(group)} {verb} {word}")
    if moved:
        counts.append(f"{len(moved)} changed state clearly")
    if groups["gone"]:
        verb = "is" if len(groups["gone"]) == 1 else "are"
        counts.append(f"{len(groups['gone'])} {verb} gone or nearly so")
    head = f"Of {text.plural(n, 'subpopulation')} in {results.source}, "
    if counts:
        sentences.append(f"{head}{text.join(counts)} in {results.target}.")
    elif not groups["new"]:
        sentences.append(f"Nothing clear changed between {results.source} and {results.target}.")
    if groups["new"]:
        names = text.join_some([f.name for f in groups["new"]])
        verb = "has" if len(groups["new"]) == 1 else "have"
        sentences.append(f"{names} {verb} no convincing origin in {results.source}: new there.")
    return [*sentences, *_largest(findings, groups, tested=tested), *_shared(common, n)]


def _largest(
    findings: list[Finding], groups: dict[str, list[Finding]], *, tested: bool
) -> list[str]:
    sentences = []
    for key, word in (("more", "growth"), ("less", "loss")):
        if groups[key]:
            top = groups[key][0]
            sentences.append(f"Largest {word}: {top.name}, {_short_number(top)}.")
    estimated = [f for f in findings if f.has_interval]
    if tested and not groups["more"] and estimated:
        top = max(estimated, key=lambda f: f.log2_net)
        if top.log2_net > 0:
            sentences.append(
                f"No growth is beyond the scatter of donors; the largest estimate is {top.name}, "
                f"{_short_number(top)}."
            )
    if groups["moved"]:
        top = groups["moved"][0]
        sentences.append(f"Largest state shift: {top.name}, {_short_shift(top)}.")
    return sentences


def _shared(common: list[tuple[str, float, int]], n: int) -> list[str]:
    if not common:
        return []
    genes = [f"{g}\u00a0{'↑' if c > 0 else '↓'} ({k} of {n})" for g, c, k in common[:5]]
    return [
        "A response shared across subpopulations (number of them with the gene in their "
        f"top 20): {text.join(genes)}."
    ]


def _short_shift(finding: Finding) -> str:
    number = f"{shift_number(finding)} ({finding.state})"
    return f"{number}, {led_by(finding)}" if finding.genes else number


def _short_number(finding: Finding) -> str:
    number = text.fold(finding.log2_net)
    shares = (
        f"{text.percent(finding.share_source)} to {text.percent(finding.share_target)} of cells"
    )
    if finding.has_interval:
        interval = text.fold_range(finding.ci_low, finding.ci_high)
        return f"{number} ({interval}, 95% interval; {shares})"
    return f"{number} ({shares}; not tested)"


def _notes(
    results: Results, findings: list[Finding], groups: dict[str, list[Finding]]
) -> list[str]:
    n0, n1 = results.donors_per_side()
    notes = []
    if not results.has_donors:
        notes.append(
            "No donors were given, so nothing here says how far the numbers would move with other "
            "people or animals: read factors as a description of these samples."
        )
    elif min(n0, n1) < 3 and not any(f.has_interval for f in findings):
        notes.append(
            f"With {text.plural(n0, 'donor')} in {results.source} and {n1} in {results.target}, no "
            "interval is given: at least three on each side are needed."
        )
    if groups["untested"]:
        names = text.join_some([f.name for f in groups["untested"]])
        notes.append(f"At least 1.5-fold different, but not testable: {names}. Reasons are below.")
    disagree = [
        f.name for f in findings if f.has_interval and not f.ci_low <= f.log2_net <= f.ci_high
    ]
    if disagree:
        notes.append(
            "The factor over all cells lies outside the interval over donors for "
            f"{text.join_some(disagree)}: donors disagree there, see the donor panel."
        )
    if len(groups["more"]) and len(groups["less"]):
        notes.append(
            "Factors are relative. Shares add up to 100%, so when one subpopulation grows others "
            "must fall, even if their cell numbers in the tissue stay the same."
        )
    return notes


def make_verdict(results: Results) -> Verdict:
    """Turn the tables into findings and sentences.

    Parameters
    ----------
    results
        A checked results folder.

    Returns
    -------
    Verdict
        Findings in the order of `results.subpopulations`.
    """
    findings = make_findings(results)
    groups = _group(findings, tested=any(f.has_interval for f in findings))
    common = _common_genes(results)
    return Verdict(
        findings=findings,
        sentences=_opening(results, findings, groups, common),
        groups=groups,
        common_genes=common,
        tested=any(f.has_interval for f in findings),
        notes=_notes(results, findings, groups),
    )
