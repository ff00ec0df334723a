"""From a fit to the files of a comparison: tables, cells, annotated AnnData, ``report.json``.

What the workflow runs between its files; in a notebook, :mod:`cgmm.tl` and :mod:`cgmm.get` do the
same on objects.
"""

from __future__ import annotations

import gzip
import logging
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm import get, tl
from cgmm._annotate import version
from cgmm._io import atomic, dumps, load_fit, loads, write_h5ad
from cgmm._keys import DEFAULT_KEY, SIDES, Keys
from cgmm._slices import read_rows
from cgmm.rerun import code_digest, make_recipe

if TYPE_CHECKING:
    from cgmm.coupled import CoupledFit

TABLES = (
    ("factors", "transfers", "arrivals", "shifts", "genes", "gene_agreement", "components")
    + ("donors", "donor_shifts", "sensitivity")
)  # fmt: skip
VERSIONED = (
    ("cgmm", "snakemake", "scanpy", "anndata", "jax", "numpy", "pandas", "scipy")
    + ("scikit-learn", "umap-learn", "harmonypy")
)  # fmt: skip
PCS_WRITTEN = 5
CONFOUNDERS = ("sex", "gender", "age_group", "site", "centre", "center", "chemistry", "tissue")
COUNTS = "counts"  # layer of the prepared file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the inputs of :func:`summarise` are."""

    fit: Path  #: stem of the .npz and .json
    embedding: Path
    prepared: Path
    check: Path
    qc: Path
    facts: Path  #: the .json beside the embedding
    code: Path  #: folder of the code, for its git commit
    benchmarks: Path  #: folder with the benchmark files of the workflow


def summarise(
    paths: Paths,
    out: Path,
    *,
    name: str,
    source: str,
    target: str,
    settings: dict[str, Any],
    samples: list[dict[str, str]],
    annotation_key: str | None = None,
    title: str | None = None,
    command: str = "",
    n_jobs: int = 1,
) -> None:
    """Write every file of a comparison into its folder.

    Parameters
    ----------
    paths
        The inputs.
    out
        The folder: the tables, ``cells.tsv.gz``, ``annotated.h5ad``, ``report.json``.
    name, source, target, title
        The comparison.
    settings
        The part of the config that the numbers depend on, to be quoted.
    samples
        The rows of the dataset in the sample sheet, for the recipe.
    annotation_key
        Column of ``obs`` to name subpopulations by; None: by marker genes.
    command
        The command that was run, to be quoted.
    n_jobs
        Threads.
    """
    check, qc, facts = (
        loads(path.read_text(encoding="utf-8")) for path in (paths.check, paths.qc, paths.facts)
    )
    fit = load_fit(paths.fit)
    embedding = ad.read_h5ad(paths.embedding)
    rows = _rows(embedding, source, target)
    adata = annotated(
        embedding,
        read_values(paths.prepared, rows=rows, counts=settings["test_genes"]),
        fit,
        source=source,
        target=target,
        facts=facts,
        annotation_key=annotation_key,
        natural_log=settings["modality"] == "rna",
        test_genes=settings["test_genes"],
        random_state=settings["fit"]["random_state"] or 0,
    )
    with_uncertainty(
        adata,
        **settings["donors"],
        random_state=settings["fit"]["random_state"] or 0,
        n_jobs=n_jobs,
    )
    for table in TABLES:
        write_table(getattr(get, table)(adata), out / f"{table}.tsv")
    write_table(cells_table(adata, use_rep=facts["use_rep"]), out / "cells.tsv.gz")
    write_h5ad(adata, out / "annotated.h5ad")
    about = {"name": name, "title": title, "source": source, "target": target, "command": command}
    content = report_facts(adata, about=about, check=check, qc=qc, facts=facts, settings=settings)
    content["git_commit"] = git_commit(paths.code)
    dataset = paths.embedding.parent.name
    content["dataset"] = dataset
    content["recipe"] = make_recipe(
        comparison={key: about[key] for key in ("name", "source", "target", "title")}
        | {"annotation_key": annotation_key, "dataset": dataset},
        settings=settings,
        samples=[row | {"dataset": dataset} for row in samples],
        checked=check["samples"],
        about={
            "command": command,
            "git_commit": content["git_commit"],
            "code_sha256": code_digest(paths.code),
        },
    )
    content["runtime"] = runtimes(paths.benchmarks, dataset=dataset, comparison=name)
    with atomic(out / "report.json") as temporary:
        temporary.write_text(dumps(_no_nan(content), indent=1) + "\n", encoding="utf-8")


def annotated(
    embedding: ad.AnnData,
    values: ad.AnnData,
    fit: CoupledFit,
    *,
    source: str,
    target: str,
    facts: dict[str, Any],
    annotation_key: str | None = None,
    natural_log: bool = True,
    test_genes: bool = False,
    random_state: int = 0,
) -> ad.AnnData:
    """Put embedding, log-normalised values and a fit together for the cells of a comparison.

    Parameters
    ----------
    embedding
        The dataset's embedding, without values.
    values
        Log-normalised values in ``X`` of the cells of the two conditions, in the order of
        ``embedding``; counts in ``layers["counts"]``, for ``test_genes``.
    fit
        The fit of the two conditions.
    source, target
        The two conditions.
    facts
        What :func:`cgmm.pp.embed` returned.
    annotation_key
        Column of ``obs`` to name subpopulations by.
    natural_log
        Whether values are natural logs (not so for cytometry).
    test_genes
        Whether to test genes over donors.
    random_state
        The seed that was used, for the record.

    Returns
    -------
    AnnData
        With the fields of :func:`cgmm.tl.fit` and :func:`cgmm.tl.genes`.
    """
    cells: Any = _cells(embedding, source, target)
    adata = ad.AnnData(
        X=values.X,
        obs=cells.obs,
        var=cells.var,
        obsm=dict(cells.obsm),
        varm=dict(cells.varm),
        uns=dict(cells.uns),
    )
    tl.annotate(
        adata,
        fit,
        condition_key="condition",
        source=source,
        target=target,
        use_rep=facts["use_rep"],
        n_dims=facts["n_dims"],
        donor_key=_donor_key(cells),
        name_by=annotation_key,
        random_state=random_state,
    )
    if COUNTS in values.layers:
        adata.layers[COUNTS] = values.layers[COUNTS]
    tl.genes(adata, natural_log=natural_log, de=test_genes, counts_layer=COUNTS)
    adata.layers.pop(COUNTS, None)
    return adata


def with_uncertainty(adata: ad.AnnData, **options: Any) -> None:
    """Run :func:`cgmm.tl.donors` with what the samples say of batches and possible confounders.

    Parameters
    ----------
    adata
        From :func:`annotated`; gains the fields of :func:`cgmm.tl.donors`.
    options
        Passed on.
    """
    known = [c for c in adata.obs if str(c).lower() in CONFOUNDERS]
    batch = None
    if "batch" in adata.obs and "donor" in adata.obs:
        per = pd.crosstab(
            adata.obs["batch"].astype(str).to_numpy(object),
            adata.obs["condition"].astype(str).to_numpy(object),
        )
        if len(per) > 1:
            # a batch that is the condition is told in words; tl.donors would refuse it
            batch = "batch" if (per > 0).all(axis=1).any() else None
            known += [] if batch else ["batch"]
    tl.donors(adata, batch_key=batch, covariates=known, **options)


def read_values(path: Path, *, rows: np.ndarray | None = None, counts: bool = False) -> ad.AnnData:
    """Read ``X`` and the names of an h5ad file, and of its layers at most the counts.

    Parameters
    ----------
    path
        The file.
    rows
        Which cells, shape (n_cells_of_file,), bool; the others are never in memory. None: all.
    counts
        Whether to read the counts, when they are there.
    """
    import h5py

    with h5py.File(path, "r") as file:
        obs: Any = read_elem(file["obs"])
        var: Any = read_elem(file["var"])
        rows = np.ones(len(obs), dtype=bool) if rows is None else rows
        values = read_rows(file["X"], rows)
        wanted = counts and COUNTS in file.get("layers", {})
        layers = {COUNTS: read_rows(file["layers"][COUNTS], rows)} if wanted else {}
    return ad.AnnData(X=values, obs=obs.loc[rows, []], var=var[[]], layers=layers)


def cells_table(adata: ad.AnnData, *, use_rep: str) -> pd.DataFrame:
    """One row per cell: who it is, its subpopulation and factors, where it lies on the maps."""
    keys = Keys(DEFAULT_KEY)
    obs = adata.obs
    columns: dict[str, Any] = {"barcode": obs["barcode"].astype(str).to_numpy()}
    for name in ("sample", "donor", "condition"):
        columns[name] = obs[name].astype(str).to_numpy() if name in obs else ""
    columns["component"] = obs[keys.component].astype(str).to_numpy()
    columns["log2_net_factor"] = np.round(obs[keys.log2_net_factor].to_numpy(dtype=float), 4)
    columns["shift"] = np.round(obs[keys.shift].to_numpy(dtype=float), 4)
    for i in range(2):
        columns[f"UMAP{i + 1}"] = np.round(adata.obsm["X_umap"][:, i].astype(float), 3)
    points = np.asarray(adata.obsm[use_rep], dtype=float)
    for i in range(min(PCS_WRITTEN, points.shape[1])):
        columns[f"PC{i + 1}"] = np.round(points[:, i], 3)
    return pd.DataFrame(columns)


def report_facts(
    adata: ad.AnnData,
    *,
    about: dict[str, Any],
    check: dict[str, Any],
    qc: list[dict[str, Any]],
    facts: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Everything the report needs beside the tables, as one JSON object.

    Parameters
    ----------
    adata
        From :func:`annotated`.
    about
        name, title, source, target, command.
    check
        What :func:`cgmm.pp.check_samples` returned.
    qc
        Rows of what :func:`cgmm.pp.quality_control` returned.
    facts
        What :func:`cgmm.pp.embed` returned.
    settings
        The config.
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
        "samples": samples,
        "qc": [kept[row["sample"]] for row in samples],
        "parameters": params["parameters"] | {"random_state": params["random_state"]},
        "reasons": params["reasons"],
        "donors": params["donors"],
        "fit": {
            key: params[key]
            for key in ("converged", "status", "n_steps", "transport_cost", "F")
            + ("log_likelihood", "objective", "seconds")
        }
        | {"history": fit.history},
        "representation": {k: v for k, v in facts.items() if k != "notices"},
        "components": {
            side: {
                key: getattr(getattr(fit, side), key) for key in ("weights", "means", "covariances")
            }
            for side in SIDES
        },
        "config": settings,
        "versions": {package: version(package) for package in VERSIONED},
        "notices": [*check["notices"], *facts["notices"], *gene_notices(adata, settings)],
        "data_source": check.get("data_source"),
        "truth": None
        if truth is None
        else {key: truth[key] for key in ("names", "log2_net") if key in truth},
    }


def gene_notices(adata: ad.AnnData, settings: dict[str, Any]) -> list[dict[str, str]]:
    """Say that genes could not be tested in any subpopulation, when that was asked for."""
    reasons = get.gene_agreement(adata)["de_reason"]
    if not settings["test_genes"] or (reasons == "").any():
        return []
    words = " ".join(dict.fromkeys(reasons))
    logger.warning("genes were not tested: %s", words)
    advice = "Set `test_genes: false` in the config, or provide what is missing."
    return [{"level": "warning", "text": f"Genes were not tested. {words}", "advice": advice}]


def runtimes(folder: Path, *, dataset: str, comparison: str) -> dict[str, float]:
    """Seconds per rule, from the benchmark files that there are."""
    found = {}
    for rule, stem in (
        ("check", dataset),
        ("prepare", dataset),
        ("embed", dataset),
        ("fit", comparison),
    ):
        path = folder / rule / f"{stem}.tsv"
        if path.is_file():
            table = pd.read_csv(path, sep="\t")
            if len(table) and "s" in table:
                found[rule] = float(table["s"].iloc[0])
    return found


def git_commit(folder: Path) -> str | None:
    """Commit of a folder under git, with "+" when files were changed; None when not under git."""

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


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as TSV, gzipped when the name ends so, the same bytes every time."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.6g")
    data = text.encode("utf-8")
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)


def _rows(adata: ad.AnnData, source: str, target: str) -> np.ndarray:
    return adata.obs["condition"].astype(str).isin([source, target]).to_numpy(dtype=bool)


def _cells(adata: ad.AnnData, source: str, target: str) -> ad.AnnData:
    """Copy of the cells of two conditions, the categories of the others dropped."""
    cells = adata[_rows(adata, source, target)].copy()
    condition = cells.obs["condition"].astype(str).to_numpy()
    cells.obs["condition"] = pd.Categorical(condition, categories=[source, target])
    return cells


def _donor_key(adata: ad.AnnData) -> str | None:
    return "donor" if "donor" in adata.obs else None


def _no_nan(value: Any) -> Any:
    """Plain values, with None in place of NaN."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _no_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
