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
            "A group of cells with a similar profile. Technically one Gaussian component of the "
            "fitted mixture. Its name comes from your annotation or its marker genes.",
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
            "The fraction of cells that belong to a population. A cell between two "
            "populations counts partly for each. With donors, every donor counts equally.",
        ),
        (
            "Match, transfer",
            f"Which population of {source} corresponds to which of {target}, and which part of "
            "it does. This is a statement about populations; single cells are not followed.",
        ),
        ("Came from", _came_from(results)),
        (
            "New, gone",
            f"New: a population of {target} without a convincing origin. Gone: a population "
            f"of {source} without a convincing counterpart.",
        ),
    ]


def _came_from(results: Results) -> str:
    if not results.counts_cells:
        return (
            f"Which part of a population of {results.target} came from one of {results.source}. "
            "It follows from the match by Bayes' rule. Net factors and gene changes are computed "
            "from it."
        )
    return (
        f"Which part of a population of {results.target} came from one of {results.source}. "
        f"Counted cell by cell: each cell of {results.target} counts for the cells of "
        f"{results.source} that it resembles most, once the change of state is allowed for. Net "
        "factors and gene changes are computed from this count. It can differ from the match where "
        "borders between neighbouring populations lie elsewhere."
    )


def _numbers(results: Results) -> list[tuple[str, str]]:
    return [
        (
            "Net factor",
            f"Share of the cells in {results.target} that came from a population, divided by "
            f"its share in {results.source}: ×2 is twice as common, ×0.5 half as common. Relative: "
            "if one population grows, others must fall.",
        ),
        (
            "95% interval",
            "The range that agrees with the scatter of donors. For factors of populations, "
            "differences between partitions of the cells widen it. Intervals of "
            "annotated populations come from their labels in each donor, without the fit. Factor, "
            "interval and p are one statistic: the interval leaves out ×1 where p is under 0.05. "
            "Three donors per condition are needed; an interval from drawing cells is too narrow.",
        ),
        (
            "p, q",
            "p: how often donors without a difference would scatter this much. q: p corrected for "
            "testing many populations. A change is called more common or rarer when q is "
            "under 0.05 and the interval leaves out ×1.",
        ),
        (
            "State shift (SD)",
            "How far the centre of a population moved, in typical spreads within a "
            "population. Under 0.25: not visible; up to 0.5: small; up to 1: moderate; above: "
            "strong. Not clear: the donors do not exclude that nothing moved (q of 0.05 or more), "
            "or the match is not mutual, so that it was not tested. It is a distance in the space "
            "of the fit, larger where more genes change more.",
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
            "No other price of reweighting (rho) and no other partition of the cells that was "
            "tried moves the factor by more than twofold.",
        ),
    ]


def _settings() -> list[tuple[str, str]]:
    return [
        (
            "Coupling, F",
            "The table of matched mass between populations, and its total F. F falls when "
            "states move far and when leaving cells unmatched is cheap (small rho); alone it says "
            "little.",
        ),
        (
            "Outflow, inflow",
            "Weight factors on leaving and on arriving, as the coupling sees them (normalised by "
            "F). The net factor is the one to read.",
        ),
        (
            "Partition",
            "One way to cut the cells into populations, more coarsely or more finely. Several "
            "are tried; the partition whose factors lie nearest to the factors of the others is "
            "reported.",
        ),
        (
            "epsilon, rho, transport weight",
            "Settings: how soft the matching is; how costly it is to leave mass unmatched, so that "
            "populations grow or shrink (the price of reweighting); how strongly matching "
            "guides the fit. Chosen from the data unless set; the reasons stand under Parameters.",
        ),
    ]
