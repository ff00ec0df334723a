"""Methods text for a paper, from the parameters really used, and its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgmm.report import text
from cgmm.report.data import Results


@dataclass(frozen=True)
class Reference:
    """One entry of the reference list."""

    key: str
    citation: str
    link: str = ""


REFERENCES = {
    "delon": Reference(
        "Delon & Desolneux 2020",
        "Delon J, Desolneux A. A Wasserstein-type distance in the space of Gaussian mixture "
        "models. SIAM Journal on Imaging Sciences 13(2):936–970, 2020.",
        "https://doi.org/10.1137/19M1301047",
    ),
    "chizat": Reference(
        "Chizat et al. 2018",
        "Chizat L, Peyré G, Schmitzer B, Vialard F-X. Scaling algorithms for unbalanced optimal "
        "transport problems. Mathematics of Computation 87:2563–2609, 2018.",
        "https://doi.org/10.1090/mcom/3303",
    ),
    "liero": Reference(
        "Liero et al. 2018",
        "Liero M, Mielke A, Savaré G. Optimal entropy-transport problems and a new "
        "Hellinger–Kantorovich distance between positive measures. Inventiones Mathematicae "
        "211:969–1117, 2018.",
        "https://doi.org/10.1007/s00222-017-0759-8",
    ),
    "bhatia": Reference(
        "Bhatia et al. 2019",
        "Bhatia R, Jain T, Lim Y. On the Bures–Wasserstein distance between positive definite "
        "matrices. Expositiones Mathematicae 37(2):165–191, 2019.",
        "https://doi.org/10.1016/j.exmath.2018.01.002",
    ),
    "cuturi": Reference(
        "Cuturi et al. 2022",
        "Cuturi M, Meng-Papaxanthos L, Tian Y, Bunne C, Davis G, Teboul O. Optimal Transport "
        "Tools (OTT): a JAX toolbox for all things Wasserstein. arXiv:2201.12324, 2022.",
        "https://arxiv.org/abs/2201.12324",
    ),
    "wolf": Reference(
        "Wolf et al. 2018",
        "Wolf FA, Angerer P, Theis FJ. SCANPY: large-scale single-cell gene expression data "
        "analysis. Genome Biology 19:15, 2018.",
        "https://doi.org/10.1186/s13059-017-1382-0",
    ),
    "virshup": Reference(
        "Virshup et al. 2024",
        "Virshup I, Rybakov S, Theis FJ, Angerer P, Wolf FA. anndata: access and store annotated "
        "data matrices. Journal of Open Source Software 9(101):4371, 2024.",
        "https://doi.org/10.21105/joss.04371",
    ),
    "moelder": Reference(
        "Mölder et al. 2021",
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable data analysis with Snakemake. "
        "F1000Research 10:33, 2021.",
        "https://doi.org/10.12688/f1000research.29032.2",
    ),
    "benjamini": Reference(
        "Benjamini & Hochberg 1995",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful "
        "approach to multiple testing. Journal of the Royal Statistical Society B 57(1):289–300, "
        "1995.",
        "https://doi.org/10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "korsunsky": Reference(
        "Korsunsky et al. 2019",
        "Korsunsky I, Millard N, Fan J, et al. Fast, sensitive and accurate integration of "
        "single-cell data with Harmony. Nature Methods 16:1289–1296, 2019.",
        "https://doi.org/10.1038/s41592-019-0619-0",
    ),
    "mcinnes": Reference(
        "McInnes et al. 2018",
        "McInnes L, Healy J, Melville J. UMAP: uniform manifold approximation and projection for "
        "dimension reduction. arXiv:1802.03426, 2018.",
        "https://arxiv.org/abs/1802.03426",
    ),
}


@dataclass(frozen=True)
class Methods:
    """Paragraphs and the references they cite, in order of first mention."""

    paragraphs: list[str]
    references: list[Reference]


def _find(block: Any, key: str) -> Any:
    """First value stored under `key` anywhere in nested settings, or None."""
    if not isinstance(block, Mapping):
        return None
    if key in block and not isinstance(block[key], Mapping):
        return block[key]
    for value in block.values():
        found = _find(value, key)
        if found is not None:
            return found
    return None


def _first(block: Any, keys: tuple[str, ...]) -> float | None:
    """First number found under any of `keys`."""
    for key in keys:
        value = _find(block, key)
        if text.is_number(value):
            return float(value)
    return None


def _number(value: Any) -> str:
    return f"{value:.4g}" if text.is_number(value) else str(value)


def _preprocessing(results: Results, used: list[str]) -> str:
    meta = results.meta
    config = meta.get("config") or {}
    versions = meta.get("versions") or {}
    representation = meta.get("representation") or {}
    use_rep = str(representation.get("use_rep") or "X_pca")
    n_dims = representation.get("n_dims")
    used += ["wolf", "virshup"]
    version = f" (version {versions['scanpy']})" if versions.get("scanpy") else ""
    sentences = [
        f"Cells were processed with scanpy{version} [Wolf et al. 2018] and anndata "
        "[Virshup et al. 2024]."
    ]
    limits = [
        (("min_genes",), "at least {} genes"),
        (("min_counts",), "at least {} counts"),
        (
            ("max_pct_mt", "max_mt", "pct_mt_max", "max_mito_percent"),
            "at most {}% mitochondrial counts",
        ),
        (("max_genes",), "at most {} genes"),
    ]
    kept = []
    for keys, words in limits:
        value = _first(config, keys)
        if value is not None and value > 0:
            kept.append(words.format(_number(value)))
    if kept:
        sentences.append(f"Cells with {text.join(kept)} were kept.")
    counts = meta.get("n_cells") or {}
    if text.is_number(counts.get("source")) and text.is_number(counts.get("target")):
        sentences.append(
            f"The comparison uses {text.count(counts['source'])} cells of {results.source} and "
            f"{text.count(counts['target'])} of {results.target}."
        )
    method = _find(config, "integrate")
    if (isinstance(method, str) and "harmony" in method.lower()) or "harmony" in use_rep.lower():
        used.append("korsunsky")
        sentences.append("Batches were integrated with Harmony [Korsunsky et al. 2019].")
    if use_rep == "X_pca":
        genes = _first(config, ("n_top_genes", "n_hvg", "n_highly_variable"))
        top = f" of {text.count(genes)} highly variable genes" if genes else ""
        dims = f" the first {n_dims} principal components" if n_dims else " principal components"
        modality = _find(config, "modality")
        scaled = (
            ""
            if modality == "cytometry"
            else "Counts were normalised per cell and log-transformed. "
        )
        sentences.append(f"{scaled}The mixtures were fitted in{dims}{top}.")
    else:
        dims = f" ({n_dims} dimensions)" if n_dims else ""
        sentences.append(f"The mixtures were fitted in the representation {use_rep}{dims}.")
    if any(str(c).upper() == "UMAP1" for c in results.cells.columns):
        used.append("mcinnes")
        sentences.append("UMAP [McInnes et al. 2018] serves for display only.")
    return " ".join(sentences)


def _model(results: Results, used: list[str]) -> str:
    parameters = results.meta.get("parameters") or {}
    used += ["delon", "liero", "chizat", "bhatia", "cuturi"]
    fit = results.fit
    k0 = len(results.tables["factors"])
    k1 = len(results.tables["arrivals"])
    names = (
        ("transport_weight", "transport weight λ"),
        ("epsilon", "entropy ε"),
        ("rho", "marginal penalty ρ"),
    )
    values = [
        f"{words} = {_number(parameters[key])}"
        for key, words in names
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
        "components is their squared Bures–Wasserstein distance [Bhatia et al. 2019]."
    ]
    if fit.get("n_steps"):
        state = " and converged" if fit.get("converged") else " without converging"
        sentences.append(
            f"The fit (expectation–maximisation with closed-form updates) took "
            f"{fit['n_steps']} steps{state}."
        )
    if text.is_number(fit.get("F")):
        sentences.append(f"The matched mass was F = {text.fixed(fit['F'])}.")
    seed = parameters.get("random_state", _find(results.meta.get("config") or {}, "seed"))
    if seed is not None:
        sentences.append(f"The random seed was {seed}.")
    return " ".join(sentences)


def _effects(results: Results, used: list[str], *, tested: bool) -> str:
    sentences = [
        "Transfers T_kl are the entries of the coupling divided by its row sums. Prevalence was "
        "read from the mean membership probabilities of the cells without any penalty, so that "
        "the coupling only decides which components correspond: with shares s_k of the source and "
        "t_l of the target, the part of target component l that came from k is R_kl = s_k T_kl / "
        "Σ_j s_j T_jl (Bayes' rule), and the net factor of source component k is Σ_l R_kl t_l / "
        "s_k. Components that the coupling gives up although their neighbours are matched well "
        "and leave nothing to explain are called gone (source) or new (target) and take no part. "
        "Factors are relative to all cells (compositional). "
        "State shifts are the distances between the means of coupled components and the "
        "Bures–Wasserstein distances between their covariances."
    ]
    n0, n1 = results.donors_per_side()
    if results.has_donors:
        sentences.append(
            "Cells were weighted so that every donor counts equally, and the donor is the unit of "
            "replication."
        )
    if tested:
        used.append("benjamini")
        shared = len(results.shared_donors())
        kind = (
            f"a paired t-test over the {shared} donors seen in both conditions"
            if shared >= 3
            else f"Welch's t-test over {n0} and {n1} donors"
        )
        sentences.append(
            "Intervals (95%) and p values of the log2 factors come from "
            f"{kind}, corrected over subpopulations [Benjamini & Hochberg 1995]; they are "
            "conditional on the fitted components."
        )
    else:
        sentences.append("No intervals or tests are reported for prevalence.")
    if not results.tables["genes"].empty:
        in_log2 = results.change_of_genes[0] == "log2 change"
        values = "log2-normalised expression" if in_log2 else "transformed values"
        sentences.append(
            f"Gene changes are differences of mean {values} between the cells of a source "
            "component and the target cells matched to it, weighted by membership."
        )
    return " ".join(sentences)


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
    paragraphs = [_preprocessing(results, used), _model(results, used)]
    paragraphs.append(_effects(results, used, tested=tested))
    used.append("moelder")
    versions = results.meta.get("versions") or {}
    version = f" (version {versions['snakemake']})" if versions.get("snakemake") else ""
    paragraphs.append(
        f"The workflow was run with Snakemake{version} [Mölder et al. 2021]; all parameters, "
        "versions and input checksums are listed with the results."
    )
    references = [REFERENCES[key] for key in dict.fromkeys(used)]
    source = results.meta.get("data_source")
    if isinstance(source, Mapping) and source.get("citation"):
        references.append(Reference("Data", str(source["citation"])))
    return Methods(paragraphs, references)
