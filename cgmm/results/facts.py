"""Facts of a comparison that its tables do not hold: the content of ``report.json``."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import get, tl
from cgmm._anndata.populations import take_populations
from cgmm._anndata.sides import representation
from cgmm._utils.versions import versions
from cgmm.genes.gene_sets import read_gene_sets
from cgmm.get._populations import donor_states, label_notices, population_column
from cgmm.pair import SIDES
from cgmm.pp._dropped import DROPPED
from cgmm.pp._kept import COLUMNS, KEPT
from cgmm.results.annotate import missing_sets, usable_markers
from cgmm.thresholds import MIN_DONORS


def report_facts(
    adata: ad.AnnData,
    *,
    about: dict[str, Any],
    check: dict[str, Any],
    qc: list[dict[str, Any]],
    facts: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Collect what the report needs and the tables do not hold.

    Parameters
    ----------
    adata
        From :func:`cgmm.results.annotate.annotate`.
    about
        The entries name, source, target and command.
    check
        What :func:`cgmm.pp.check_samples` returned.
    qc
        Rows of the table of :func:`cgmm.pp.quality_control`.
    facts
        What :func:`cgmm.pp.embed` returned.
    settings
        The config.

    Returns
    -------
    dict
        Plain values and arrays, for :func:`cgmm._utils.strict_json.dumps`.
    """
    params, fit = get.params(adata), get.fit(adata)
    kept = {row["sample"]: row for row in qc}
    conditions = (about["source"], about["target"])
    samples = [
        row | {"n_cells_kept": kept[row["sample"]]["n_cells_kept"]}
        for row in check["samples"]
        if row["condition"] in conditions
    ]
    truth = check.get("truth")
    return {
        **about,
        "n_cells": params["n_cells"],
        "annotated": population_column(adata) == params["name_by"],
        "annotation_key": params["name_by"],
        "samples": samples,
        "qc": [kept[row["sample"]] for row in samples],
        "fewest_genes": fewest_genes_of(adata),
        "kept_by_label": labels_kept(adata, params["name_by"], conditions),
        "parameters": params["parameters"] | {"random_state": params["random_state"]},
        "reasons": params["reasons"],
        "donors": params["donors"],
        "null": null_calls(adata),
        "calibration": false_calls(adata),
        "fit": {
            key: params[key]
            for key in ("converged", "status", "n_steps", "transport_cost", "F")
            + ("log_likelihood", "objective", "seconds")
        }
        | {"history": fit.history},
        "representation": {k: v for k, v in facts.items() if k != "notices"},
        "components": _gaussians(adata),
        "config": settings,
        "versions": versions(),
        "notices": [
            *check["notices"],
            *facts["notices"],
            *annotation_notices(adata),
        ],
        "data_source": check.get("data_source"),
        "truth": None
        if truth is None
        else {key: truth[key] for key in ("names", "log2_net") if key in truth},
    }


def _gaussians(adata: ad.AnnData) -> dict[str, dict[str, np.ndarray]]:
    """Return share, mean and covariance of every population on each side, for the maps."""
    known = get.params(adata)
    cells = take_populations(adata, known)
    if cells is None:
        return {}
    values = representation(adata, known["use_rep"], known["n_dims"])
    made = {}
    for side, rows, codes in zip(SIDES, cells.rows, cells.codes, strict=True):
        n_dims = values.shape[1]
        weights = np.zeros(len(cells.names))
        means = np.full((len(weights), n_dims), np.nan)
        covariances = np.full((len(weights), n_dims, n_dims), np.nan)
        for k in range(len(weights)):
            own = values[rows[codes == k]].astype(float)
            weights[k] = len(own) / len(rows)
            if len(own) > 1:
                means[k], covariances[k] = own.mean(axis=0), np.cov(own, rowvar=False)
        made[side] = {"weights": weights, "means": means, "covariances": covariances}
    return made


def fewest_genes_of(adata: ad.AnnData) -> int | None:
    """Return the fewest genes that quality control asked of a cell; None where nothing tells."""
    table = adata.uns.get(DROPPED)
    if not isinstance(table, pd.DataFrame) or "min_genes" not in table or table.empty:
        return None
    return int(table["min_genes"].iloc[0])


def labels_kept(
    adata: ad.AnnData, column: str | None, conditions: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return how many cells of each label of a column quality control kept, by condition."""
    table = adata.uns.get(KEPT)
    if column is None or not isinstance(table, pd.DataFrame):
        return []
    columns, where = (table[name].astype(str) for name in ("column", "condition"))
    rows = table.loc[(columns == column) & where.isin(conditions)]
    return [
        {
            "label": str(label),
            "condition": str(condition),
            "n_cells_read": int(read),
            "n_cells_kept": int(kept),
        }
        for label, condition, read, kept in zip(*(rows[name] for name in COLUMNS[1:]), strict=True)
    ]


def null_calls(adata: ad.AnnData) -> list[dict[str, Any]]:
    """Return how many populations are called, in the study and where its donors are exchanged."""
    return [dict(row) for _, row in get.null(adata).astype(object).iterrows()]


def false_calls(adata: ad.AnnData) -> list[dict[str, Any]]:
    """Return how often a change of populations is called between donors of one condition.

    :func:`cgmm.tl.calibrate` counts it. The list is empty when no condition has six donors.
    """
    plan = donor_states(adata).design
    if not plan.replicated or max(plan.n_units) < 2 * MIN_DONORS:
        return []
    tl.calibrate(adata, random_state=get.params(adata)["random_state"] or 0)
    table = get.calibration(adata)
    rows = table.loc[table["what"] == "populations"].astype(object)
    return [dict(row) for _, row in rows.iterrows()]


def annotation_notices(adata: ad.AnnData) -> list[dict[str, str]]:
    """Return warnings about labels that are missing in the annotation."""
    advice = "Label the cells of both conditions in the same way, or leave out annotation_key."
    return [
        {"level": "warning", "text": sentence, "advice": advice}
        for sentence in label_notices(adata)
    ]


def marker_notices(adata: ad.AnnData, markers: Path | None) -> list[dict[str, str]]:
    """Return what is noticed about the marker table: a warning when it is not used."""
    used, sentences = usable_markers(adata, markers)
    advice = "" if used else "Write the table with the names of genes that the data have."
    level = "info" if used else "warning"
    return [{"level": level, "text": sentence, "advice": advice} for sentence in sentences]


def gene_set_notices(adata: ad.AnnData, gene_sets: Path | None) -> list[dict[str, str]]:
    """Return a warning where the data have no gene of the gene sets."""
    why = "" if gene_sets is None else missing_sets(adata, gene_sets)
    advice = "Set `gene_sets` to a file with the gene names of the data."
    return [{"level": "warning", "text": why, "advice": advice}] if why else []


def gene_set_facts(gene_sets: Path | None) -> dict[str, Any] | None:
    """Return name, checksum and number of sets of a GMT file; None without one."""
    if gene_sets is None:
        return None
    return {
        "file": gene_sets.name,
        "sha256": hashlib.sha256(gene_sets.read_bytes()).hexdigest(),
        "n_sets": len(read_gene_sets(gene_sets).names),
    }


def git_commit(folder: Path) -> str | None:
    """Return the commit of a folder, with "+" when tracked files were changed; None without git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", ".")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")
