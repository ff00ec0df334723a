"""From a fit to the files of a comparison: tables, cells, annotated AnnData, ``report.json``.

What the workflow runs between its files; in a notebook, :mod:`cgmm.tl` and :mod:`cgmm.get` do the
same on objects.
"""

from __future__ import annotations

import gzip
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm import get, tl
from cgmm._anndata.keys import BATCH, CONDITION, COUNTS, DEFAULT_KEY, DONOR, SAMPLE, UMAP, Keys
from cgmm._utils.files import atomic, write_h5ad
from cgmm._utils.rows import read_rows
from cgmm._utils.strict_json import dumps, loads
from cgmm.results.facts import git_commit, report_facts, runtimes
from cgmm.results.fit_files import load_fit
from cgmm.results.recipe import code_digest, make_recipe
from cgmm.tables import CELLS, N_PCS, TABLES

if TYPE_CHECKING:
    from cgmm.coupled.result import CoupledFit

CONFOUNDERS = ("sex", "gender", "age_group", "site", "centre", "center", "chemistry", "tissue")

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
        random_state=settings["fit"]["random_state"],
    )
    with_uncertainty(
        adata,
        **settings["donors"],
        random_state=settings["fit"]["random_state"],
        n_jobs=n_jobs,
    )
    for name_of_table, table in TABLES.items():
        write_table(getattr(get, name_of_table)(adata), out / table.file)
    write_table(cells_table(adata, use_rep=facts["use_rep"]), out / CELLS.file)
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
        temporary.write_text(dumps(content, nan_as_null=True, indent=1) + "\n", encoding="utf-8")


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
        condition_key=CONDITION,
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
    known = [str(c) for c in adata.obs if str(c).lower() in CONFOUNDERS]
    batch = None
    if BATCH in adata.obs and DONOR in adata.obs:
        per = pd.crosstab(
            adata.obs[BATCH].astype(str).to_numpy(object),
            adata.obs[CONDITION].astype(str).to_numpy(object),
        )
        if len(per) > 1:
            # a batch that is the condition is told in words; tl.donors would refuse it
            batch = BATCH if (per > 0).all(axis=1).any() else None
            known += [] if batch else [BATCH]
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
    for name in (SAMPLE, DONOR, CONDITION):
        columns[name] = obs[name].astype(str).to_numpy() if name in obs else ""
    columns["component"] = obs[keys.component].astype(str).to_numpy()
    columns["log2_net_factor"] = np.round(obs[keys.log2_net_factor].to_numpy(dtype=float), 4)
    columns["shift"] = np.round(obs[keys.shift].to_numpy(dtype=float), 4)
    for i in range(2):
        columns[f"UMAP{i + 1}"] = np.round(adata.obsm[UMAP][:, i].astype(float), 3)
    points = np.asarray(adata.obsm[use_rep], dtype=float)
    for i in range(min(N_PCS, points.shape[1])):
        columns[f"PC{i + 1}"] = np.round(points[:, i], 3)
    return pd.DataFrame(columns)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as TSV, gzipped when the name ends so, the same bytes every time."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.6g")
    data = text.encode("utf-8")
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)


def _rows(adata: ad.AnnData, source: str, target: str) -> np.ndarray:
    return adata.obs[CONDITION].astype(str).isin([source, target]).to_numpy(dtype=bool)


def _cells(adata: ad.AnnData, source: str, target: str) -> ad.AnnData:
    """Copy of the cells of two conditions, the categories of the others dropped."""
    cells = adata[_rows(adata, source, target)].copy()
    condition = cells.obs[CONDITION].astype(str).to_numpy()
    cells.obs[CONDITION] = pd.Categorical(condition, categories=[source, target])
    return cells


def _donor_key(adata: ad.AnnData) -> str | None:
    return DONOR if DONOR in adata.obs else None
