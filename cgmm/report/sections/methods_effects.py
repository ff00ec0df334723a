"""Methods text, third part: how the numbers were computed and tested."""

from __future__ import annotations

from cgmm.report.sections.references import Citations
from cgmm.results.read import Results


def _populations(results: Results, citations: Citations) -> str:
    """Write what the populations are."""
    if results.annotated:
        return "Populations are the labels of the annotation."
    return (
        "Populations were found as Leiden clusters "
        f"{citations.cite('traag2019')} of one graph of the cells of both conditions: nearest "
        "neighbours within a condition, as many from each donor, and between the conditions the "
        "source cells to which a target cell was assigned. Clusters with few cells, clusters that "
        "are in effect in fewer than two donors, and clusters that assignments and neighbours do "
        "not tell apart were merged. Populations are the consensus of six such searches "
        f"{citations.cite('fred2005')}, in which parts of a cluster with most of their neighbours "
        "in another cluster were moved there."
    )


def _assigned(citations: Citations) -> str:
    """Write how target cells were assigned to source cells."""
    return (
        "Target cells were assigned to source cells: under every partition of the cells, source "
        "cells were carried to the target by the movement of their components, once shrunk to what "
        "the metric expects and once all the way to the match, and each target cell was dealt out "
        "among the up to 40 images nearest to it, in proportion to their weight and to the factor "
        f"of the fit {citations.cite('saerens2002')}."
    )


def effects_paragraph(results: Results, citations: Citations, *, tested: bool) -> str:
    """Write how populations, factors, transfers, shifts and genes were computed and tested."""
    sentences = [
        _assigned(citations),
        _populations(results, citations),
        "The net factor of a population is its share of the cells in the target over its share in "
        "the source. Factors are relative to all cells (compositional). Transfers were counted "
        "over the target cells, by their population and the population of the source cell that "
        "they were assigned to. The state shift of a population is the distance between its mean "
        "cells in the two conditions, in standard deviations within a population.",
    ]
    if results.has_donors:
        sentences.append("Every donor counts equally, and the donor is the unit of replication.")
    if tested:
        sentences.append(_test(results, citations))
    elif results.cells_only:
        sentences.append(
            "Without donors, intervals come from drawing cells; they are too narrow, and no test "
            "of prevalence is reported."
        )
    else:
        sentences.append("No intervals or tests are reported for prevalence.")
    sentences.append(_design(results, citations))
    sentences += [_choices_tried(results), _genes(results, citations)]
    return " ".join(s for s in sentences if s)


def _test(results: Results, citations: Citations) -> str:
    """Write how intervals and p values over donors were made."""
    done = results.donor_settings
    paired = ", donors compared with themselves" if done.get("paired") else ""
    sentences = [
        "Net factors, their intervals (95%) and p values are one statistic: a moderated t-test of "
        f"the log-odds of the donors' shares, half a cell added{paired} "
        f"{citations.cite('smyth2004', 'phipson2022')}; p values are corrected over populations "
        f"{citations.cite('benjamini1995')}."
    ]
    if not results.annotated and not results.tables["sensitivity"].empty:
        sentences.append(
            "The variance of an error that all donors share was added to that of the donors, as "
            f"between imputations {citations.cite('rubin1987')}: a part in proportion to the "
            "assignments that cross the border of the population, and a part for the disagreement "
            "of the ways in which populations were found, up to fourfold."
        )
    if results.tables["shifts"]["ci_low"].notna().any():
        sentences.append(
            "State shifts were tested over the donors' mean cells: the squared distance less what "
            "noise adds, against the trace of the covariance between donors (an F-test with the "
            f"degrees of freedom of Box {citations.cite('box1954')}), corrected over populations."
        )
    if done.get("adjusted_for_batch"):
        sentences.append("Factors, shifts, intervals and tests are adjusted for the batch.")
    return " ".join(sentences)


def _design(results: Results, citations: Citations) -> str:
    """Write what populations are adjusted for, where a formula or samples were given."""
    sentence = str(results.donor_settings.get("design_sentence") or "")
    if not sentence:
        return ""
    return (
        f"{sentence} Log-odds of the donors' shares follow a linear model with moderated variances "
        f"{citations.cite('smyth2004', 'phipson2022')}."
    )


def _choices_tried(results: Results) -> str:
    if results.tables["sensitivity"].empty:
        return ""
    return (
        "Populations were found again by each single search and from every single partition of the "
        "cells; a factor is called settled when none of these changes it by more than 1.5-fold. "
        "Factors were also counted with every target cell in the population of the source cell "
        "that it was assigned to; no change is reported where this factor differs more than "
        "1.5-fold or lies outside the interval."
    )


def _genes(results: Results, citations: Citations) -> str:
    genes = results.tables["genes"]
    if genes.empty:
        return ""
    in_log2 = results.change_of_genes[0] == "log2 change"
    values = "log2-normalised expression" if in_log2 else "transformed values"
    sentence = (
        f"Gene changes are differences of mean {values} between the cells of a population in the "
        "two conditions."
    )
    if genes["de_q"].notna().any():
        values = (
            "counts were summed per donor over the cells of each population; their logarithms, "
            f"weighted by the trend of the variance {citations.cite('law2014')},"
            if in_log2
            else "the means of donors over the cells of each population"
        )
        sentence += (
            f" For tests, {values} were compared by moderated t-tests "
            f"{citations.cite('smyth2004')}, donors as replicates, corrected over the genes of a "
            "population."
        )
        if formula := results.donor_settings.get("design"):
            sentence += f" The model of a gene has the columns of the design {formula}."
    if len(results.gene_sets):
        sentence += (
            " Gene sets were compared with all other genes of a population by a competitive test "
            f"{citations.cite('wu2012')} whose variance is measured on donors and shared over sets."
        )
    return sentence
