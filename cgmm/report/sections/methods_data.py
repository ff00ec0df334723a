"""Methods text, first part: processing of the cells, and the representation that was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgmm.report.page import text
from cgmm.report.sections.references import Citations
from cgmm.results.read import Results

LIMITS = (  # keys of the block qc of the config
    ("min_genes", "at least {} genes"),
    ("max_pct_mt", "at most {}% mitochondrial counts"),
)


def limits_of_cells(results: Results) -> dict[str, Any]:
    """Return the limits of quality control that were applied; no cell of cytometry is filtered."""
    config = block(results, "config")
    qc = config.get("qc")
    if config.get("modality") == "cytometry" or not isinstance(qc, Mapping):
        return {}
    found = results.meta.get("fewest_genes")
    return {**qc, "min_genes": qc.get("min_genes") if found is None else found}


def _limits(results: Results) -> list[str]:
    given = limits_of_cells(results)
    values = [(given.get(key), words) for key, words in LIMITS]
    return [
        words.format(f"{value:.4g}")
        for value, words in values
        if text.is_number(value) and value > 0
    ]


def block(results: Results, key: str) -> Mapping[str, Any]:
    """Return a block of report.json; empty when the file does not have it."""
    found = results.meta.get(key)
    return found if isinstance(found, Mapping) else {}


def version(results: Results, package: str) -> str:
    """Write the version of a package in brackets, where it is recorded."""
    found = block(results, "versions").get(package)
    return f" (version {found})" if found else ""


def data_paragraph(results: Results, citations: Citations) -> str:
    """Write how the cells were processed and which representation was fitted."""
    meta = results.meta
    sentences = [
        f"Cells were processed with scanpy{version(results, 'scanpy')} "
        f"{citations.cite('wolf2018')} and anndata{version(results, 'anndata')} "
        f"{citations.cite('virshup2024')}."
    ]
    kept = _limits(results)
    if kept:
        sentences.append(f"Cells with {text.join(kept)} were kept.")
    counts = meta.get("n_cells") or {}
    if text.is_number(counts.get("source")) and text.is_number(counts.get("target")):
        sentences.append(
            f"The comparison uses {text.count(counts['source'])} cells of {results.source} and "
            f"{text.count(counts['target'])} of {results.target}."
        )
    sentences.append(_space(results, citations))
    if any(str(c).upper() == "UMAP1" for c in results.cells.columns):
        sentences.append(
            f"UMAP {citations.cite('mcinnes2018')} serves for display only.{_on_map(results)}"
        )
    return " ".join(sentences)


def _on_map(results: Results) -> str:
    """Write that the map was made of a sample of the cells, where it was."""
    representation = block(results, "representation")
    drawn, n_cells = (representation.get(key) for key in ("n_cells_on_map", "n_cells"))
    if not (text.is_number(drawn) and text.is_number(n_cells)) or drawn >= n_cells:
        return ""
    return (
        f" It was made of {text.count(drawn)} of the {text.count(n_cells)} cells of all samples, "
        "the same share of each sample, drawn at random; the fit uses all cells."
    )


def _space(results: Results, citations: Citations) -> str:
    """Write in which representation the mixtures were fitted."""
    config, representation = block(results, "config"), block(results, "representation")
    use_rep = str(representation.get("use_rep") or "X_pca")
    n_dims = representation.get("n_dims")
    method = str(config.get("integrate") or "")
    before = ""
    if "harmony" in f"{method} {use_rep}".lower():
        before = f"Batches were integrated with Harmony {citations.cite('korsunsky2019')}. "
    if use_rep != "X_pca":
        dims = f" ({n_dims} dimensions)" if n_dims else ""
        return f"{before}The mixtures were fitted in the representation {use_rep}{dims}."
    top = _genes_used(config, representation)
    dims = f" the first {n_dims} principal components" if n_dims else " principal components"
    cytometry = config.get("modality") == "cytometry"
    scaled = "Counts were normalised per cell and log-transformed. "
    if cytometry:
        scaled = _transformed(results)
    if representation.get("scale") == "lazy":
        scaled += "Values were read in blocks of cells, never all at once (scale: lazy). "
    return f"{scaled}{before}The mixtures were fitted in{dims}{top}."


def _transformed(results: Results) -> str:
    """Write how the channels of cytometry were transformed, where that was done here."""
    samples = [s for s in results.meta.get("samples") or [] if isinstance(s, Mapping)]
    formulas = list(dict.fromkeys(str(s["transform"]) for s in samples if s.get("transform")))
    if not formulas:
        return ""
    return f"Values of the channels were transformed by {text.join(formulas)}. "


def _genes_used(config: Mapping[str, Any], representation: Mapping[str, Any]) -> str:
    """Write from how many genes the components were computed: the number asked for, or all."""
    wanted, used = config.get("n_top_genes"), representation.get("n_genes_used")
    wanted = wanted if text.is_number(wanted) else None
    if text.is_number(used) and used and (wanted is None or used < wanted):
        kind = "markers" if config.get("modality") == "cytometry" else "genes"
        return f" of all {text.count(used)} {kind}"
    return f" of {text.count(wanted)} highly variable genes" if wanted else ""
