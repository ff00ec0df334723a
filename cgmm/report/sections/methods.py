"""Methods text for a paper, from the parameters really used, and its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.sections.references import REFERENCES, Reference
from cgmm.report.sections.section import Section
from cgmm.results.read import Results
from cgmm.thresholds import MIN_DONORS

SETTINGS = (
    ("transport_weight", "transport weight λ"),
    ("epsilon", "entropy ε"),
    ("rho", "marginal penalty ρ"),
)
LIMITS = (
    ("min_genes", "at least {} genes"),
    ("max_pct_mt", "at most {}% mitochondrial counts"),
)
LEARNED = (
    ", in a metric learned from matched components: the inverse of their covariance plus the "
    "covariance of the movement, found by expectation–maximisation"
)


@dataclass(frozen=True)
class Methods:
    """Paragraphs and the references they cite, in order of first mention."""

    paragraphs: list[str]
    references: list[Reference]


def section(claims: Claims) -> Section:
    """Return the section with the methods text."""
    return Section(
        key="methods",
        title="Methods text",
        template="methods.html.j2",
        data=make_methods(claims.results, tested=claims.verdict.tested),
        questions=[("methods", "What do I write in the methods?")],
    )


def _setting(config: Any, *keys: str) -> Any:
    """Value of a setting by its path of keys; None when the config does not have it."""
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _number(value: Any) -> str:
    return f"{value:.4g}" if text.is_number(value) else str(value)


def _limits(config: Any) -> list[str]:
    found = []
    for key, words in LIMITS:
        value = _setting(config, "qc", key)
        if text.is_number(value) and value > 0:
            found.append(words.format(_number(value)))
    return found


def _version(results: Results, package: str) -> str:
    version = (results.meta.get("versions") or {}).get(package)
    return f" (version {version})" if version else ""


def _preprocessing(results: Results, used: list[str]) -> str:
    meta = results.meta
    config = meta.get("config") or {}
    used += ["wolf", "virshup"]
    sentences = [
        f"Cells were processed with scanpy{_version(results, 'scanpy')} [Wolf et al. 2018] and "
        f"anndata{_version(results, 'anndata')} [Virshup et al. 2024]."
    ]
    kept = _limits(config)
    if kept:
        sentences.append(f"Cells with {text.join(kept)} were kept.")
    counts = meta.get("n_cells") or {}
    if text.is_number(counts.get("source")) and text.is_number(counts.get("target")):
        sentences.append(
            f"The comparison uses {text.count(counts['source'])} cells of {results.source} and "
            f"{text.count(counts['target'])} of {results.target}."
        )
    sentences.append(_space(results, used))
    if any(str(c).upper() == "UMAP1" for c in results.cells.columns):
        used.append("mcinnes")
        sentences.append("UMAP [McInnes et al. 2018] serves for display only." + _on_map(results))
    return " ".join(sentences)


def _on_map(results: Results) -> str:
    """Say that a map was made of some cells, where that is so."""
    representation = results.meta.get("representation") or {}
    drawn, n_cells = (representation.get(key) for key in ("n_cells_on_map", "n_cells"))
    if not (text.is_number(drawn) and text.is_number(n_cells)) or drawn >= n_cells:
        return ""
    return (
        f" It was made of {text.count(drawn)} of the {text.count(n_cells)} cells of all samples, "
        "the same share of each sample, drawn at random; the fit uses all cells."
    )


def _space(results: Results, used: list[str]) -> str:
    """Say in which representation the mixtures were fitted."""
    config = results.meta.get("config") or {}
    representation = results.meta.get("representation") or {}
    use_rep = str(representation.get("use_rep") or "X_pca")
    n_dims = representation.get("n_dims")
    method = _setting(config, "integrate")
    before = ""
    if (isinstance(method, str) and "harmony" in method.lower()) or "harmony" in use_rep.lower():
        used.append("korsunsky")
        before = "Batches were integrated with Harmony [Korsunsky et al. 2019]. "
    if use_rep != "X_pca":
        dims = f" ({n_dims} dimensions)" if n_dims else ""
        return f"{before}The mixtures were fitted in the representation {use_rep}{dims}."
    top = _genes_used(config, representation)
    dims = f" the first {n_dims} principal components" if n_dims else " principal components"
    cytometry = _setting(config, "modality") == "cytometry"
    scaled = "" if cytometry else "Counts were normalised per cell and log-transformed. "
    if representation.get("scale") == "lazy":
        scaled += "Values were read in blocks of cells, never all at once (scale: lazy). "
    return f"{scaled}{before}The mixtures were fitted in{dims}{top}."


def _genes_used(config: Any, representation: Mapping[str, Any]) -> str:
    """Say of how many genes the components are: as many as were asked for, or all there are."""
    wanted, used = _setting(config, "n_top_genes"), representation.get("n_genes_used")
    wanted, used = (value if text.is_number(value) else None for value in (wanted, used))
    if used and (wanted is None or used < wanted):
        kind = "markers" if _setting(config, "modality") == "cytometry" else "genes"
        return f" of all {text.count(used)} {kind}"
    return f" of {text.count(wanted)} highly variable genes" if wanted else ""


def _model(results: Results, used: list[str]) -> str:
    parameters = results.meta.get("parameters") or {}
    used += ["delon", "liero", "chizat", "bhatia", "cuturi"]
    k0, k1 = len(results.tables["factors"]), len(results.tables["arrivals"])
    values = [
        f"{words} = {_number(parameters[key])}"
        for key, words in SETTINGS
        if parameters.get(key) is not None
    ]
    kind = parameters.get("covariance_type")
    version = (results.meta.get("versions") or {}).get("cgmm")
    given = f" with {text.join(values)}" if values else ""
    sentences = [
        f"The two conditions were described by two coupled Gaussian mixtures (cgmm"
        f"{' ' + str(version) if version else ''}) with {k0} and {k1} components"
        f"{f' and {kind} covariances' if kind else ''}, which maximise the sum of both mean "
        "log-likelihoods minus λ times the unbalanced optimal transport cost between the two sets "
        f"of components{given}. The model extends the mixture-Wasserstein "
        "distance [Delon & Desolneux 2020] to unequal masses [Liero et al. 2018; Chizat et al. "
        "2018], as the pair fit of OTT-JAX does [Cuturi et al. 2022]; the cost between two "
        "components is their squared Bures–Wasserstein distance [Bhatia et al. 2019]"
        f"{LEARNED if _reason(results, 'metric') else ''}."
    ]
    return " ".join([*sentences, *_choice(results, used), *_course(results)])


def _reason(results: Results, key: str) -> str:
    return str((results.meta.get("reasons") or {}).get(key) or "")


def _choice(results: Results, used: list[str]) -> list[str]:
    """Say where the fit started, when it chose by itself."""
    why = _reason(results, "n_components")
    if "partitions" not in why:
        return []
    if "resolution" not in why:
        return [f"Number of components: {why}."]
    used += ["traag", "luxburg"]
    return [
        "Fits started from Leiden clusters [Traag et al. 2019] of each condition by itself at "
        "several resolutions; the partition whose factors lie nearest to those of the others was "
        f"taken, by stability [von Luxburg 2010] ({why})."
    ]


def _course(results: Results) -> list[str]:
    """Say how the fit went."""
    fit = results.fit
    sentences = []
    if fit.get("n_steps"):
        state = " and converged" if fit.get("converged") else " without converging"
        sentences.append(
            f"The fit (expectation–maximisation with closed-form updates"
            f"{f', JAX {v}' if (v := _jax(results)) else ''}) took {fit['n_steps']} steps{state}."
        )
    if text.is_number(fit.get("F")):
        sentences.append(f"The matched mass was F = {text.fixed(fit['F'])}.")
    parameters = results.meta.get("parameters") or {}
    seed = parameters.get("random_state")
    if seed is not None:
        sentences.append(f"The random seed was {seed}.")
    return sentences


def _jax(results: Results) -> str:
    return str((results.meta.get("versions") or {}).get("jax") or "")


def _origin(results: Results, used: list[str]) -> str:
    """How R was made."""
    if not results.counts_cells:
        return "R_kl is s_k T_kl / Σ_j s_j T_jl (Bayes' rule)."
    used.append("saerens")
    return (
        "R was counted cell by cell: under every partition, source cells were carried to the "
        "target by the movement of their components, once shrunk to what the metric expects and "
        "once all the way to the match, and each target cell was dealt out among the up to 40 "
        "images nearest to it, in proportion to their weight and to the factor that Bayes' rule "
        "(R_kl ∝ s_k T_kl) gives them [Saerens et al. 2002]. A vote counts for the whole cluster "
        "that its source cell lies in, averaged over clusterings from coarse to fine."
    )


def _effects(results: Results, used: list[str], *, tested: bool) -> str:
    sentences = [
        "Transfers T_kl are the entries of the coupling divided by its row sums. Prevalence was "
        "read from the mean membership probabilities of the cells without any penalty: with "
        "shares s_k of the source and t_l of the target, and R_kl the part of target component l "
        "that came from k, the net factor of source component k is Σ_l R_kl t_l / s_k. "
        f"{_origin(results, used)} "
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
        sentences.append(_test(results, used))
    elif results.cells_only:
        sentences.append(
            "Without donors, intervals come from drawing cells; they are too narrow, and no test "
            "of prevalence is reported."
        )
    else:
        sentences.append("No intervals or tests are reported for prevalence.")
    sentences += [_choices_tried(results), _genes(results, used)]
    return " ".join(s for s in sentences if s)


def _test(results: Results, used: list[str]) -> str:
    """Say how intervals and p-values over donors were made."""
    used.append("benjamini")
    done = results.donor_settings
    from_refits = (results.tables["factors"]["interval_from"] == "donor bootstrap").any()
    if not from_refits:
        n0, n1 = results.donors_per_side()
        shared = len(results.shared_donors())
        kind = (
            f"a paired t-test over the {shared} donors seen in both conditions"
            if shared >= MIN_DONORS
            else f"Welch's t-test over {n0} and {n1} donors"
        )
        return (
            f"Intervals (95%) and p values of the log2 factors come from {kind}, corrected over "
            "subpopulations [Benjamini & Hochberg 1995]; they are conditional on the fitted "
            "components."
        )
    paired = ", compared with themselves" if done.get("paired") else ""
    n = done.get("n_bootstrap")
    draws = f"{text.count(n)} times " if text.is_number(n) else ""
    used.append("rao")
    sentences = [
        f"Intervals (95%) of factors, transfers and shifts come from drawing the donors anew "
        f"{draws}with replacement{paired} (all but one of them [Rao & Wu 1988]) and fitting both "
        f"mixtures and the coupling again, a few steps from the fit{_moved_along(results)}.",
        _between(results, used),
        _p_values(results, used),
    ]
    if done.get("adjusted_for_batch"):
        sentences.append("Draws and tests were made within batches.")
    baseline = str(done.get("baseline") or "")
    if results.tables["factors"]["log2_relative"].notna().any() and baseline:
        what = "the median subpopulation" if baseline == "median" else baseline
        sentences.append(f"Factors relative to {what} are given beside them.")
    return " ".join(s for s in sentences if s)


def _moved_along(results: Results) -> str:
    """Say what becomes of R in a refit, where cells do not vote again."""
    return ", R moving by as much as Bayes' rule has it" if results.counts_cells else ""


def _between(results: Results, used: list[str]) -> str:
    """Say that partitions widen intervals and p values, where there are several."""
    table = results.tables["sensitivity"]
    if table.loc[table["parameter"] == "partition", "value"].nunique() < 2:
        return ""
    used.append("rubin")
    return (
        "The variance between partitions of the cells was added to that over donors, in intervals "
        "and p values of factors [Rubin 1987]."
    )


def _p_values(results: Results, used: list[str]) -> str:
    done = results.donor_settings
    test = str(done.get("test") or "")
    n, smallest = done.get("n_permutations"), done.get("smallest_p")
    if test == "permutation":
        made = "exchanging the conditions of donors"
        if text.is_number(n):
            made += f" ({text.count(n)} exchanges"
            made += (
                f", smallest possible p = {text.probability(smallest)})"
                if text.is_number(smallest)
                else ")"
            )
        made += (
            " after the movement was taken back, and fitting again; shares of the target are read "
            "from the coupling of each refit (Bayes' rule)"
        )
    elif test == "moderated_t":
        used += ["smyth", "phipson"]
        made = (
            "a moderated t-test of the log-odds of the donors' shares, those of the target carried "
            "to source components by R [Smyth 2004; Phipson et al. 2022]"
        )
    else:
        return "No p values are given."
    return f"p values come from {made}, corrected over subpopulations [Benjamini & Hochberg 1995]."


def _choices_tried(results: Results) -> str:
    table = results.tables["sensitivity"]
    if table.empty:
        return ""
    rho = pd.to_numeric(table.loc[table["parameter"] == "rho", "value"], errors="coerce").dropna()
    cuts = table.loc[table["parameter"] == "partition", "value"].nunique()
    tried = []
    if len(rho):
        tried.append(
            f"for {text.plural(rho.nunique(), 'value')} of ρ from {rho.min():g} to {rho.max():g}"
        )
    if cuts:
        tried.append(f"under {text.plural(cuts, 'partition')} of the cells")
    return (
        f"Factors were computed again {text.join(tried)}; a factor is called settled when none of "
        "these changes it by more than twofold."
    )


def _genes(results: Results, used: list[str]) -> str:
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
        used += ["muzellec", "love"]
        sentence += (
            " For tests, counts were summed per donor over the cells of each subpopulation, "
            "and over the target cells that came from it, and compared with PyDESeq2 [Muzellec et "
            "al. 2023; Love et al. 2014], donors as replicates, corrected over the genes of a "
            "subpopulation."
        )
    return sentence


def make_methods(results: Results, *, tested: bool) -> Methods:
    """Write the methods paragraphs.

    Parameters
    ----------
    results
        A checked results folder.
    tested
        Whether any interval over donors was computed.
    """
    used: list[str] = []
    paragraphs = [
        _preprocessing(results, used),
        _model(results, used),
        _effects(results, used, tested=tested),
    ]
    used.append("moelder")
    paragraphs.append(
        f"The workflow was run with Snakemake{_version(results, 'snakemake')} [Mölder et al. 2021]"
        "; all parameters, versions and SHA-256 checksums of the input files are listed with the "
        "results."
    )
    references = [REFERENCES[key] for key in dict.fromkeys(used)]
    source = results.meta.get("data_source")
    if isinstance(source, Mapping) and source.get("citation"):
        references.append(Reference("Data", str(source["citation"])))
    return Methods(paragraphs, references)
