"""The opening of the report: the findings of all populations, summed up in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.claims.calibration import null_sentence
from cgmm.report.claims.changed_genes import (
    ChangedGenes,
    changed_genes,
    genes_answer,
    genes_headline,
)
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.finding_words import HARDLY_ANY, goes_number, led_by, shift_number
from cgmm.report.claims.findings import make_findings
from cgmm.report.claims.groups import Groups, make_groups
from cgmm.report.claims.sensitivity import sensitivity_sentence
from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.wording import NOT_TESTED, Wording, words_for
from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.tables import ANNOTATION, MARKER_TABLE, MIXED, UNCLEAR
from cgmm.thresholds import ALPHA, GENE_LIMIT, MIN_CHANGE, MIN_DONORS

MAX_NAMED = 3
MAINLY = 2 / 3


@dataclass(frozen=True)
class Verdict:
    """The findings, grouped, and the words that open the report."""

    groups: Groups
    headline: list[str]
    answers: list[tuple[str, str]]
    common_genes: list[tuple[str, float, int]]
    notes: list[str]

    @property
    def findings(self) -> list[Finding]:
        """All findings, in the order of the populations."""
        return self.groups.findings

    @property
    def tested(self) -> bool:
        """Whether any factor has an interval over donors."""
        return self.groups.tested

    @property
    def words(self) -> Wording:
        """Words for differences of shares, as sure as these are."""
        return words_for(tested=self.groups.tested)

    @property
    def one_sided(self) -> str:
        """Title of the tile of populations that are new or gone, no surer than their lines."""
        if any(f.gone_untested for f in self.groups.gone):
            return self.words.one_sided_unsure
        sure = all(f.q < ALPHA for f in self.groups.new)
        return (self.words if sure else NOT_TESTED).one_sided

    @property
    def state_words(self) -> Wording:
        """Words for differences of states, as sure as these are."""
        return words_for(tested=self.groups.state_tested)


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


def _headline(results: Results, groups: Groups, genes: ChangedGenes) -> list[str]:
    counts = _tested_counts(groups) if groups.tested else _untested_counts(groups)
    if groups.moved:
        n = len(groups.moved)
        if groups.state_tested:
            counts.append(f"{n} changed state")
        else:
            counts.append(f"{n} {'differs' if n == 1 else 'differ'} in state")
    hardly = [f for f in groups.gone if f.gone_untested]
    if gone := len(groups.gone) - len(hardly):
        counts.append(f"{gone} {'is' if gone == 1 else 'are'} gone or nearly so")
    if hardly:
        untested = " (not tested)" if groups.tested else ""
        verb = "has" if len(hardly) == 1 else "have"
        counts.append(f"{len(hardly)} {verb} {HARDLY_ANY}{untested}")
    sentences = []
    if counts:
        sentences.append(
            f"Of {text.plural(groups.n_source, 'population')} in {results.source}, "
            f"{text.join(counts)} in {results.target}."
        )
    elif not groups.new and groups.tested and genes.found:
        sentences.append(genes_headline(results, genes))
    elif not groups.new and groups.tested:
        sentences.append(f"Nothing clear changed between {results.source} and {results.target}.")
    elif not groups.new:
        sentences.append(
            f"No share differs 1.5-fold and no state by half a spread between {results.source} and "
            f"{results.target}."
        )
    if groups.new:
        names = text.join_some([f.name for f in groups.new])
        verb = "has" if len(groups.new) == 1 else "have"
        sentences.append(
            f"{names} {verb} no convincing origin in {results.source}"
            f"{': new there' if all(f.q < ALPHA for f in groups.new) else ''}."
        )
    return sentences if groups.tested else [*sentences, _why_untested(results)]


def _tested_counts(groups: Groups) -> list[str]:
    found = ((groups.more, "more common"), (groups.less, "rarer"))
    return [f"{len(group)} became {word}" for group, word in found if group]


def _untested_counts(groups: Groups) -> list[str]:
    found = ((groups.more, "larger"), (groups.less, "smaller"))
    return [
        f"{len(group)} {'has' if len(group) == 1 else 'have'} a {word} share"
        for group, word in found
        if group
    ]


def _why_untested(results: Results) -> str:
    """Write why nothing that differs is called a change."""
    n0, n1 = results.donors_per_side()
    if not results.has_donors:
        why = "Without donors nothing is tested"
    elif min(n0, n1) >= MIN_DONORS:
        why = "No factor could be tested"
    else:
        donors = text.plural(n0, "donor")
        why = f"With {donors} in {results.source} and {n1} in {results.target} nothing is tested"
    return (
        f"{why}: these are differences between the samples at hand, and other donors may not show "
        "them."
    )


def _prevalence(results: Results, groups: Groups) -> str:
    """Name the largest growth and the largest loss, or say that there is none."""
    if not groups.tested:
        return _untested_prevalence(results, groups)
    said = []
    for group, word, sign in ((groups.more, "growth", 1.0), (groups.less, "loss", -1.0)):
        estimated = [
            f
            for f in groups.findings
            if f.has_interval and sign * f.log2_net > 0 and np.isnan(f.by_origin)
        ]
        if group:
            said.append(f"Largest {word}: {group[0].name}, {_short_number(group[0])}.")
        elif estimated:
            top = max(estimated, key=lambda f: abs(f.log2_net))
            said.append(
                f"No {word} is beyond the scatter of donors; the largest estimate is {top.name}, "
                f"{_short_number(top)}."
            )
    return " ".join(said) or "No clear change."


def _untested_prevalence(results: Results, groups: Groups) -> str:
    """Name the largest and the smallest factor, whatever their size."""
    said = []
    for group, where, word, sign in (
        (groups.more, "above", "larger", 1.0),
        (groups.less, "below", "smaller", -1.0),
    ):
        others = [f for f in groups.findings if 0 < sign * f.log2_net < MIN_CHANGE]
        if group:
            said.append(
                f"Most {where} in {results.target}: {group[0].name}, {_short_number(group[0])}."
            )
        elif others:
            top = max(others, key=lambda f: abs(f.log2_net))
            said.append(
                f"No share is 1.5-fold {word} in {results.target}; the nearest to it is "
                f"{top.name}, {_short_number(top)}."
            )
    return " ".join(said) or "No share differs 1.5-fold or more."


def _state(results: Results, groups: Groups, common: list[tuple[str, float, int]]) -> str:
    tested = groups.state_tested
    if not groups.moved:
        verb = "moved clearly" if tested else "differs"
        return f"No population {verb} by half a spread (0.5 SD) or more."
    top = groups.moved[0]
    said = f"Largest {'shift' if tested else 'difference'}: {top.name}, {_short_shift(top)}."
    if common:
        genes = [f"{g}\u00a0{'↑' if c > 0 else '↓'}" for g, c, _ in common[:5]]
        times = {k for _, _, k in common[:5]}
        n = groups.n_source
        many = f"{min(times)}" if len(times) == 1 else f"{min(times)} to {max(times)}"
        all_of_them = f"all {n} populations" if n > 1 else "the only population"
        whom = all_of_them if min(times) == n else f"{many} of {n} populations"
        what = "Shared response" if tested else "Shared difference"
        kind = results.features[1]
        said += f" {what}: {text.join(genes)} (each in the top 20 {kind} of {whom})."
    return said


def _matches(results: Results, groups: Groups) -> str:
    """Write which populations have a counterpart of the same name, another one, or none."""
    matched = [f for f in groups.findings if f.goes_to and f.prevalence is not Prevalence.GONE]
    if not matched:
        return f"Nothing in {results.target} could be matched."
    own = [f for f in matched if not f.elsewhere]
    many = "All " if len(own) == len(matched) > 1 else f"{len(own)} of "
    said = [
        f"{many}{text.plural(len(matched), 'population')} "
        f"{'has a counterpart of its' if len(matched) == 1 else 'have a counterpart of their'} "
        f"own in {results.target}, shown under the same name"
    ]
    said += [
        f"{f.name} corresponds {_how_much(f)} to {f.goes_to} ({goes_number(f)})"
        for f in groups.elsewhere[:MAX_NAMED]
    ]
    more = len(groups.elsewhere) - MAX_NAMED
    if more > 0:
        said.append(f"{more} more {'corresponds' if more == 1 else 'correspond'} to others")
    if groups.gone:
        names = text.join_some([f.name for f in groups.gone])
        said.append(f"{names} {'has' if len(groups.gone) == 1 else 'have'} none")
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
        said = " ".join(words for words in (said, null_sentence(results)) if words)
    elif not results.has_donors:
        said = (
            "No donors were given, so nothing here says how far the numbers would move with other "
            "people or animals: read factors and shifts as a description of these samples."
        )
    elif min(n0, n1) >= MIN_DONORS:
        said = "No interval could be given; each population below has the reason."
    else:
        said = (
            f"With {text.plural(n0, 'donor')} in {results.source} and {n1} in {results.target}, no "
            "interval is given: at least three on each side are needed."
        )
    other = sensitivity_sentence(results)
    return f"{said} {other}" if other else said


def _answers(
    results: Results,
    groups: Groups,
    common: list[tuple[str, float, int]],
    genes: ChangedGenes,
) -> list[tuple[str, str]]:
    """Return the questions of the opening, each with its answer."""
    of_genes = genes_answer(results, genes)
    return [
        (words_for(tested=groups.tested).prevalence, _prevalence(results, groups)),
        (words_for(tested=groups.state_tested).state, _state(results, groups, common)),
        *([(f"Changed {results.features[1]}", of_genes)] if of_genes else []),
        (words_for(tested=groups.tested).matches, _matches(results, groups)),
        ("How sure", _sureness(results, tested=groups.tested)),
    ]


def _short_shift(finding: Finding) -> str:
    sure = "" if finding.has_shift_interval else ", not tested"
    number = f"{shift_number(finding)}, {finding.state}{sure}"
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


def _notes(results: Results, groups: Groups) -> list[str]:
    notes = [_naming(results)]
    if groups.untested:
        names = text.join_some([f.name for f in groups.untested])
        notes.append(f"At least 1.5-fold different, but not testable: {names}. Reasons are below.")
    disagree = [
        f.name
        for f in groups.findings
        if f.has_interval and not f.ci_low <= f.log2_net <= f.ci_high
    ]
    if disagree:
        notes.append(
            "The factor over all cells lies outside the interval over donors for "
            f"{text.join_some(disagree)}: donors disagree there, see the donor panel."
        )
    if groups.more and groups.less:
        notes.append(
            "Factors are relative. Shares add up to 100%, so when one population grows others "
            "must fall, even if their cell numbers in the tissue stay the same."
        )
    return notes


def _naming(results: Results) -> str:
    components = results.tables["components"]
    basis = set(components["named_from"].astype(str))
    if results.annotated:
        sentence = "Each name is a label of your annotation."
    elif ANNOTATION in basis or (not basis - {""} and (components["cell_type"] != "").any()):
        sentence = (
            "Each name is the annotation that most cells of the population carry; a number "
            "distinguishes the parts of one cell type, 1 being the largest."
        )
    elif basis & {MARKER_TABLE, MIXED, UNCLEAR}:
        sentence = (
            "Each name is the cell type whose markers in the marker table stand out in the "
            "population; a number distinguishes the parts of one cell type, 1 being the largest."
        )
        if MIXED in basis:
            sentence += " “Mixed” stands before two types whose markers stand out alike."
        if UNCLEAR in basis:
            sentence += " Where the markers of no type stand out, two marker genes are the name."
        sentence += " The evidence is in the table “What each population is”."
    else:
        sentence = (
            "No annotation was given, so each name consists of the strongest markers; more markers "
            "are in the table “What each population is”."
        )
    return sentence


def make_verdict(results: Results) -> Verdict:
    """Return the grouped findings of a comparison and the sentences of the opening.

    Parameters
    ----------
    results
        A checked results folder.

    Returns
    -------
    Verdict
        Findings in the order of `results.populations`.
    """
    groups = make_groups(make_findings(results))
    common, genes = _common_genes(results), changed_genes(results)
    return Verdict(
        groups=groups,
        headline=_headline(results, groups, genes),
        answers=_answers(results, groups, common, genes),
        common_genes=common,
        notes=_notes(results, groups),
    )
