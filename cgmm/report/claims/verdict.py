"""The opening of the report: what happened to all subpopulations together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cgmm.report.claims.findings import Finding, goes_number, led_by, make_findings, shift_number
from cgmm.report.claims.settled import sensitivity_sentence
from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.thresholds import GENE_LIMIT, MIN_DONORS

MAX_NAMED = 3
MAINLY = 2 / 3


@dataclass(frozen=True)
class Verdict:
    """The findings, grouped, and the words that open the report."""

    findings: list[Finding]
    headline: list[str]
    answers: list[tuple[str, str]]
    groups: dict[str, list[Finding]]
    common_genes: list[tuple[str, float, int]]
    tested: bool
    notes: list[str] = field(default_factory=list)


def _group(findings: list[Finding], *, tested: bool) -> dict[str, list[Finding]]:
    def having(*kinds: str) -> list[Finding]:
        return [f for f in findings if f.prevalence in kinds]

    return {
        "more": sorted(having("more" if tested else "seems_more"), key=lambda f: -f.log2_net),
        "less": sorted(having("less" if tested else "seems_less"), key=lambda f: f.log2_net),
        "moved": sorted([f for f in findings if f.moved], key=lambda f: -f.shift_sd),
        "elsewhere": [f for f in findings if f.elsewhere],
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


def _headline(
    results: Results, n: int, groups: dict[str, list[Finding]], *, tested: bool
) -> list[str]:
    def seem(group: list[Finding]) -> str:
        return "seems" if len(group) == 1 else "seem"

    counts = []
    for group, word in ((groups["more"], "more common"), (groups["less"], "rarer")):
        verb = "became" if tested else f"{seem(group)} to have become"
        if group:
            counts.append(f"{len(group)} {verb} {word}")
    if groups["moved"]:
        verb = "changed state" if tested else f"{seem(groups['moved'])} to have changed state"
        counts.append(f"{len(groups['moved'])} {verb}")
    if groups["gone"]:
        verb = "is" if len(groups["gone"]) == 1 else "are"
        counts.append(f"{len(groups['gone'])} {verb} gone or nearly so")
    sentences = []
    if counts:
        sentences.append(
            f"Of {text.plural(n, 'subpopulation')} in {results.source}, {text.join(counts)} in "
            f"{results.target}."
        )
    elif not groups["new"]:
        sentences.append(f"Nothing clear changed between {results.source} and {results.target}.")
    if groups["new"]:
        names = text.join_some([f.name for f in groups["new"]])
        verb = "has" if len(groups["new"]) == 1 else "have"
        sentences.append(f"{names} {verb} no convincing origin in {results.source}: new there.")
    return sentences


def _prevalence(findings: list[Finding], groups: dict[str, list[Finding]], *, tested: bool) -> str:
    """Name the largest growth and the largest loss, or say that there is none."""
    said = []
    for key, word, sign in (("more", "growth", 1.0), ("less", "loss", -1.0)):
        estimated = [f for f in findings if f.has_interval and sign * f.log2_net > 0]
        if groups[key]:
            said.append(f"Largest {word}: {groups[key][0].name}, {_short_number(groups[key][0])}.")
        elif tested and estimated:
            top = max(estimated, key=lambda f: abs(f.log2_net))
            said.append(
                f"No {word} is beyond the scatter of donors; the largest estimate is {top.name}, "
                f"{_short_number(top)}."
            )
    if not said:
        return "No factor is 1.5-fold or more." if not tested else "No clear change."
    return " ".join(said)


def _state(groups: dict[str, list[Finding]], common: list[tuple[str, float, int]], n: int) -> str:
    if not groups["moved"]:
        return "No subpopulation moved clearly by half a spread (0.5 SD) or more."
    top = groups["moved"][0]
    said = f"Largest shift: {top.name}, {_short_shift(top)}."
    if common:
        genes = [f"{g}\u00a0{'↑' if c > 0 else '↓'}" for g, c, _ in common[:5]]
        times = {k for _, _, k in common[:5]}
        many = f"{min(times)}" if len(times) == 1 else f"{min(times)} to {max(times)}"
        whom = f"all {n} subpopulations" if min(times) == n else f"{many} of {n} subpopulations"
        said += f" Shared response: {text.join(genes)} (each in the top 20 genes of {whom})."
    return said


def _matches(results: Results, findings: list[Finding], groups: dict[str, list[Finding]]) -> str:
    """Say which subpopulations go on under their name and which do not."""
    matched = [f for f in findings if f.goes_to and f.prevalence != "gone"]
    if not matched:
        return f"Nothing in {results.target} could be matched."
    own = [f for f in matched if not f.elsewhere]
    many = "All " if len(own) == len(matched) > 1 else f"{len(own)} of "
    said = [
        f"{many}{text.plural(len(matched), 'subpopulation')} "
        f"{'has a counterpart of its' if len(matched) == 1 else 'have a counterpart of their'} "
        f"own in {results.target}, shown under the same name"
    ]
    said += [
        f"{f.name} corresponds {_how_much(f)} to {f.goes_to} ({goes_number(f)})"
        for f in groups["elsewhere"][:MAX_NAMED]
    ]
    more = len(groups["elsewhere"]) - MAX_NAMED
    if more > 0:
        said.append(f"{more} more correspond to others")
    if groups["gone"]:
        names = text.join_some([f.name for f in groups["gone"]])
        said.append(f"{names} {'has' if len(groups['gone']) == 1 else 'have'} none")
    return f"{'; '.join(said)}."


def _how_much(finding: Finding) -> str:
    return "mainly" if finding.goes_share >= MAINLY else "in the largest part"


def _sureness(results: Results, *, tested: bool) -> str:
    n0, n1 = results.donors_per_side()
    if tested:
        paired = len(results.shared_donors()) == n0 == n1
        who = f"{n0}, each in both conditions"
        if not paired:
            who = f"{n0} in {results.source}, {n1} in {results.target}"
        said = (
            f"Ranges in [brackets] are 95% intervals over donors ({who}). “More common” and "
            "“rarer” need q under 0.05 and a range that leaves out ×1."
        )
    elif not results.has_donors:
        said = (
            "No donors were given, so nothing here says how far the numbers would move with other "
            "people or animals: read factors and shifts as a description of these samples."
        )
    elif min(n0, n1) >= MIN_DONORS:
        said = "No interval could be given; the reasons stand with each subpopulation."
    else:
        said = (
            f"With {text.plural(n0, 'donor')} in {results.source} and {n1} in {results.target}, no "
            "interval is given: at least three on each side are needed."
        )
    other = sensitivity_sentence(results)
    return f"{said} {other}" if other else said


def _answers(
    results: Results,
    findings: list[Finding],
    groups: dict[str, list[Finding]],
    common: list[tuple[str, float, int]],
    *,
    tested: bool,
) -> list[tuple[str, str]]:
    """Answer the questions that a reader comes with, each in a line."""
    n = sum(np.isfinite(f.share_source) for f in findings)
    return [
        ("More or less common", _prevalence(findings, groups, tested=tested)),
        ("Changed state", _state(groups, common, n)),
        ("Who became whom", _matches(results, findings, groups)),
        ("How sure", _sureness(results, tested=tested)),
    ]


def _short_shift(finding: Finding) -> str:
    number = f"{shift_number(finding)}, {finding.state}"
    return f"{number}, {led_by(finding)}" if finding.genes else number


def _short_number(finding: Finding) -> str:
    number = text.fold(finding.log2_net)
    shares = (
        f"{text.percent(finding.share_source)} to {text.percent(finding.share_target)} of cells"
    )
    if finding.has_interval:
        interval = text.bracket(text.fold_range(finding.ci_low, finding.ci_high))
        return f"{number} {interval} ({shares})"
    return f"{number} ({shares}; not tested)"


def _notes(
    results: Results, findings: list[Finding], groups: dict[str, list[Finding]]
) -> list[str]:
    notes = [_naming(results)]
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
    if groups["more"] and groups["less"]:
        notes.append(
            "Factors are relative. Shares add up to 100%, so when one subpopulation grows others "
            "must fall, even if their cell numbers in the tissue stay the same."
        )
    return notes


def _naming(results: Results) -> str:
    types = results.tables["components"]["cell_type"].astype(str)
    if (types != "").any():
        return (
            "Names are those of the annotation that most cells carry; a number tells apart the "
            "parts of one cell type, 1 being the largest."
        )
    return (
        "No annotation was given, so each name is made of its strongest markers; more of them are "
        "in the table “What each subpopulation is”."
    )


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
    tested = any(f.has_interval for f in findings)
    groups = _group(findings, tested=tested)
    common = _common_genes(results)
    n = sum(np.isfinite(f.share_source) for f in findings)
    return Verdict(
        findings=findings,
        headline=_headline(results, n, groups, tested=tested),
        answers=_answers(results, findings, groups, common, tested=tested),
        groups=groups,
        common_genes=common,
        tested=tested,
        notes=_notes(results, findings, groups),
    )
