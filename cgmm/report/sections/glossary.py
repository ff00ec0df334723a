"""The words of the report, each explained once."""

from __future__ import annotations

from cgmm.report.claims.claims import Claims
from cgmm.report.sections.section import Section
from cgmm.results.read import Results


def section(claims: Claims) -> Section:
    """Return the glossary."""
    return Section(
        key="glossary",
        title="Glossary",
        template="glossary.html.j2",
        data=glossary(claims.results),
    )


def glossary(results: Results) -> list[tuple[str, str]]:
    """Return the words and what they mean in this report.

    Parameters
    ----------
    results
        A checked results folder.
    """
    return [*_groups(results), *_numbers(results), *_settings()]


def _groups(results: Results) -> list[tuple[str, str]]:
    source, target = results.source, results.target
    return [
        (
            "Population",
            "A set of cells of both conditions: a cell type of your annotation, or, without an "
            "annotation, a group of cells that was found and named by your marker table or by its "
            "marker genes. Every claim about prevalence is made about populations.",
        ),
        (
            "State",
            "A part of a population. Technically one Gaussian component of the fitted mixture.",
        ),
        (
            "Source, target",
            f"The two conditions, in order: {source} and {target}. Changes are reported from "
            "source to target.",
        ),
        (
            "Donor",
            "The person or animal that cells come from, and the unit of replication: ten thousand "
            "cells of one person are still one person.",
        ),
        (
            "Share",
            "The fraction of cells that belong to a population; of a typical donor, where donors "
            "are given.",
        ),
        (
            "Came from, transfer",
            f"Each cell of {target} counts for a cell of {source} that it resembles, once the "
            "change of state is allowed for. Transfers count the populations of both cells. This "
            "is a statement about populations; no single cell is followed.",
        ),
        (
            "New, gone",
            f"New: a population without a cell in {source}. Gone: a population without a cell in "
            f"{target}.",
        ),
    ]


def _numbers(results: Results) -> list[tuple[str, str]]:
    return [
        (
            "Net factor",
            f"Share of a population in {results.target} over its share in {results.source}: ×2 is "
            "twice as common, ×0.5 half as common. Relative: if one population grows, others must "
            "fall.",
        ),
        (
            "95% interval",
            "The range that agrees with the scatter of donors"
            + ("" if results.annotated else " and with the error of borders that were found")
            + ". Factor, interval and p are one statistic: the interval leaves out ×1 where p is "
            "under 0.05. Three donors per condition are needed.",
        ),
        (
            "p, q",
            "p: how often donors without a difference would scatter this much. q: p corrected for "
            "testing many populations. A change is called more common or rarer when q is "
            "under 0.05 and the interval leaves out ×1.",
        ),
        (
            "State shift (SD)",
            "How far the mean cell of a population moved, in standard deviations within a "
            "population (the usual distance of a cell from its mean). Under 0.25: not visible; up "
            "to 0.5: small; up to 1: moderate; above: strong. Not clear: the donors do not exclude "
            "that nothing moved (q of 0.05 or more). It is a distance in the space of the fit, "
            "larger where more genes change more.",
        ),
        (
            "log2 change",
            "Change of average expression: 1 is a doubling, −1 a halving.",
        ),
        (
            "Without a donor, against",
            "The factor computed again without one donor; a donor goes against a change when it "
            "alone points the other way.",
        ),
        (
            "Settled",
            "Populations were found again by single searches and from single partitions of the "
            "cells, and none of these moves the factor by more than 1.5-fold. Factors of annotated "
            "populations do not depend on the fit.",
        ),
    ]


def _settings() -> list[tuple[str, str]]:
    return [
        (
            "Coupling, F",
            "The table of matched mass between components, and its total F. F falls when "
            "states move far and when leaving cells unmatched is cheap (small rho); alone it says "
            "little.",
        ),
        (
            "Partition",
            "One way to cut the cells into components, more coarsely or more finely. Several "
            "are tried; the partition whose factors lie nearest to the factors of the others is "
            "reported.",
        ),
        (
            "epsilon, rho, transport weight",
            "Settings: how soft the matching is; how costly it is to leave mass unmatched, so that "
            "components grow or shrink (the price of reweighting); how strongly matching "
            "guides the fit. Chosen from the data unless set; the reasons stand under Parameters.",
        ),
    ]
