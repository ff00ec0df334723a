"""Methods text, third part: how the numbers were computed and tested."""

from __future__ import annotations

import pandas as pd

from cgmm.report.page import text
from cgmm.report.sections.references import Citations
from cgmm.results.read import Results


def _origin(results: Results, citations: Citations) -> str:
    """Write how R was computed."""
    if not results.counts_cells:
        return "R_kl is s_k T_kl / Σ_j s_j T_jl (Bayes' rule)."
    return (
        "R was counted cell by cell: under every partition, source cells were carried to the "
        "target by the movement of their components, once shrunk to what the metric expects and "
        "once all the way to the match, and each target cell was dealt out among the up to 40 "
        "images nearest to it, in proportion to their weight and to the factor that Bayes' rule "
        f"(R_kl ∝ s_k T_kl) gives them {citations.cite('saerens2002')}. A vote counts for the "
        "whole cluster that its source cell lies in, averaged over clusterings from coarse to fine."
    )


def effects_paragraph(results: Results, citations: Citations, *, tested: bool) -> str:
    """Write how transfers, factors, shifts and genes were computed and tested."""
    sentences = [
        "Transfers T_kl are the entries of the coupling divided by its row sums. Prevalence was "
        "read from the mean membership probabilities of the cells without any penalty: with "
        "shares s_k of the source and t_l of the target, and R_kl the part of target component l "
        "that came from k, the net factor of source component k is Σ_l R_kl t_l / s_k. "
        f"{_origin(results, citations)} "
        "Components that the coupling gives up although their neighbours are matched well "
        "and leave nothing to explain are called gone (source) or new (target) and take no part. "
        "Factors are relative to all cells (compositional). "
        "State shifts are the distances between the means of coupled components and the "
        "Bures–Wasserstein distances between their covariances."
    ]
    if results.has_donors:
        sentences.append(
            "Cells were weighted so that every donor counts equally, and the donor is the unit of "
            "replication."
        )
    if tested:
        sentences.append(_test(results, citations))
    elif results.cells_only:
        sentences.append(
            "Without donors, intervals come from drawing cells; they are too narrow, and no test "
            "of prevalence is reported."
        )
    else:
        sentences.append("No intervals or tests are reported for prevalence.")
    sentences += [_choices_tried(results), _genes(results, citations)]
    return " ".join(s for s in sentences if s)


def _test(results: Results, citations: Citations) -> str:
    """Write how intervals and p values over donors were made."""
    done = results.donor_settings
    paired = ", donors compared with themselves" if done.get("paired") else ""
    sentences = [
        "Net factors, their intervals (95%) and p values are one statistic: a moderated t-test of "
        "the log-odds of the donors' shares, target shares carried back to source components by R"
        f"{paired} {citations.cite('smyth2004', 'phipson2022')}; the factor is the ratio of the "
        f"typical shares; p values are corrected over populations "
        f"{citations.cite('benjamini1995')}.",
        _between(results, citations),
        _permuted(results),
        _shifts(results),
    ]
    if done.get("adjusted_for_batch"):
        sentences.append("Factors, intervals and tests are adjusted for the batch.")
    baseline = str(done.get("baseline") or "")
    if results.tables["factors"]["log2_relative"].notna().any() and baseline:
        what = "the median population" if baseline == "median" else baseline
        sentences.append(f"Factors relative to {what} are given beside them.")
    return " ".join(s for s in sentences if s)


def _between(results: Results, citations: Citations) -> str:
    """Write that partitions widen intervals and p values, where there are several."""
    table = results.tables["sensitivity"]
    if table.loc[table["parameter"] == "partition", "value"].nunique() < 2:
        return ""
    return (
        "An error that all donors share, estimated from the variance between partitions of the "
        "cells, was added to the variance over donors, in intervals and p values of factors "
        f"{citations.cite('rubin1987')}."
    )


def _permuted(results: Results) -> str:
    """Write that p comes from a permutation test, where it was asked for."""
    done = results.donor_settings
    n, smallest = done.get("n_permutations"), done.get("smallest_p")
    if str(done.get("test") or "") != "permutation":
        return ""
    made = "exchanging the conditions of donors"
    if text.is_number(n):
        made += f" ({text.count(n)} exchange{'' if n == 1 else 's'}"
        if text.is_number(smallest):
            made += f", smallest possible p = {text.probability(smallest)}"
        made += ")"
    return (
        f"As was asked, the p values that are shown come from {made} after the movement was taken "
        "back, and fitting again; they can disagree with the intervals."
    )


def _shifts(results: Results) -> str:
    """Write how shifts were tested."""
    if not results.tables["shifts"]["ci_low"].notna().any():
        return ""
    return (
        "Shifts of main counterparts were tested over the donors' mean positions, of the cells of "
        "both conditions in the union of the two components (Dempster's test, corrected over "
        "pairs); intervals of lengths contain the disagreement with the components' own means."
    )


def _choices_tried(results: Results) -> str:
    table = results.tables["sensitivity"]
    if table.empty:
        return ""
    rho = pd.to_numeric(table.loc[table["parameter"] == "rho", "value"], errors="coerce").dropna()
    cuts = table.loc[table["parameter"] == "partition", "value"].nunique()
    tried = []
    if len(rho):
        span = f"from {rho.min():g} to {rho.max():g}" if rho.nunique() > 1 else f"({rho.min():g})"
        tried.append(f"for {text.plural(rho.nunique(), 'value')} of ρ {span}")
    if cuts:
        tried.append(f"under {text.plural(cuts, 'partition')} of the cells")
    return (
        f"Factors were computed again {text.join(tried)}; a factor is called settled when none of "
        "these changes it by more than twofold."
    )


def _genes(results: Results, citations: Citations) -> str:
    genes = results.tables["genes"]
    if genes.empty:
        return ""
    in_log2 = results.change_of_genes[0] == "log2 change"
    values = "log2-normalised expression" if in_log2 else "transformed values"
    sentence = (
        f"Gene changes are differences of mean {values} between the cells of a source "
        "component and the target cells that came from it (weights Σ_l R_kl r_l of a cell with "
        "memberships r_l)."
    )
    if genes["de_q"].notna().any():
        sentence += (
            " For tests, counts were summed per donor over the cells of each population, "
            "and over the target cells that came from it, and compared with PyDESeq2 "
            f"{citations.cite('muzellec2023', 'love2014')}, donors as replicates, corrected over "
            "the genes of a population."
        )
    return sentence
