"""Writing the folder of a comparison: tables, cells, annotated AnnData and ``report.json``.

The rule ``summarise`` of the workflow calls :func:`summarise`. In a notebook, :mod:`cgmm.tl` and
:mod:`cgmm.get` give the same results on objects.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import get
from cgmm._anndata.keys import UMAP
from cgmm._anndata.populations import POPULATION
from cgmm._utils.files import atomic
from cgmm._utils.h5ad import write_h5ad
from cgmm._utils.progress import Steps
from cgmm._utils.strict_json import loads, write_json
from cgmm.genes.marker_table import read_marker_table
from cgmm.get._common import empty
from cgmm.get._populations import population_column
from cgmm.get._unchanged import unchanged
from cgmm.results.annotate import (
    add_uncertainty,
    annotate,
    read_values,
    rows_of_conditions,
)
from cgmm.results.cells import cells_table
from cgmm.results.colours import add_colours
from cgmm.results.decisions import decisions_table
from cgmm.results.facts import (
    gene_set_facts,
    gene_set_notices,
    git_commit,
    marker_notices,
    report_facts,
)
from cgmm.results.fit_files import load_fit
from cgmm.results.read import populations_of
from cgmm.results.recipe import code_digest, make_recipe
from cgmm.results.shared import with_shared
from cgmm.tables import BY_POPULATION, CELLS, DECISIONS, GENE_DONORS, GENE_SETS, TABLES

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the inputs of :func:`summarise` are.

    Attributes
    ----------
    fit
        Path of the fit without its endings, .npz and .json.
    embedding, facts
        The embedding and the .json file beside it.
    map
        Place of every cell on the map, in ``obsm["X_umap"]``.
    prepared, qc
        The values of all cells, and the quality control of each sample.
    check
        Result of :func:`cgmm.pp.check_samples`.
    code
        Folder of the code, for its commit and checksum.
    """

    fit: Path
    embedding: Path
    prepared: Path
    check: Path
    qc: Path
    facts: Path
    map: Path
    code: Path


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
    markers: str | Path | None = None,
    gene_sets: str | Path | None = None,
    command: str = "",
    n_jobs: int = 1,
    shared: Path | None = None,
    entry: Mapping[str, Any] | None = None,
) -> None:
    """Write every file of a comparison into its folder.

    Parameters
    ----------
    paths
        The inputs.
    out
        The folder. It gets the tables, ``cells.tsv.gz``, ``annotated.h5ad`` and ``report.json``.
    name, source, target
        The comparison. Its title is a matter of the report.
    settings
        The settings on which the numbers depend; ``report.json`` quotes them.
    samples
        The rows of the dataset in the sample sheet, for the recipe.
    annotation_key
        Column of ``obs`` that names populations; None: ``markers`` or marker genes name them.
    markers
        Marker table that names populations without an annotation.
    gene_sets
        GMT file with gene sets to test in each population.
    command
        The command that was run; ``report.json`` quotes it.
    n_jobs
        Number of threads.
    shared
        Path without endings of the populations that several targets share
        (:mod:`cgmm.results.shared`), or None.
    entry
        The entry of the config with several targets that the comparison comes from, for the recipe,
        or None.
    """
    check, qc, facts = (
        loads(path.read_text(encoding="utf-8")) for path in (paths.check, paths.qc, paths.facts)
    )
    markers, gene_sets = (None if path is None else Path(path) for path in (markers, gene_sets))
    steps = Steps(4, "name populations and compare their genes")
    fit, names = load_fit(paths.fit), None
    if shared is not None:
        fit, names = with_shared(fit, shared, target)
    embedding = ad.read_h5ad(paths.embedding)
    facts |= {"n_cells_on_map": put_on_map(embedding, paths.map)}
    cells = rows_of_conditions(embedding, source, target)
    adata = annotate(
        embedding,
        read_values(paths.prepared, rows=cells, counts=settings["test_genes"]),
        fit,
        source=source,
        target=target,
        facts=facts,
        annotation_key=annotation_key,
        markers=markers,
        gene_sets=gene_sets,
        natural_log=settings["modality"] == "rna",
        test_genes=settings["test_genes"],
        design=settings["donors"].get("design"),
        samples=samples,
        shared=names,
        random_state=settings["fit"]["random_state"],
    )
    steps.begin("intervals and tests over donors")
    add_uncertainty(
        adata,
        **settings["donors"],
        random_state=settings["fit"]["random_state"],
        n_jobs=n_jobs,
    )
    frames = _write_frames(adata, out, steps, use_rep=facts["use_rep"])
    about = {"name": name, "source": source, "target": target, "command": command}
    content = report_facts(adata, about=about, check=check, qc=qc, facts=facts, settings=settings)
    content["notices"] += marker_notices(adata, markers) + gene_set_notices(adata, gene_sets)
    write_table(decisions_table(content, frames["components"]), out / DECISIONS.file)
    content |= {
        "gene_sets": gene_set_facts(gene_sets),
        "git_commit": git_commit(paths.code),
        "dataset": paths.embedding.parent.name,
        "family": None if entry is None else entry["name"],
    }
    content["recipe"] = make_recipe(
        comparison=_of_config(about if entry is None else entry)
        | {"annotation_key": annotation_key, "dataset": content["dataset"]},
        settings=settings,
        samples=[row | {"dataset": content["dataset"]} for row in samples],
        markers=None if markers is None else read_marker_table(markers).rows,
        gene_sets=content["gene_sets"] and {**content["gene_sets"], "path": str(gene_sets)},
        checked=check["samples"],
        about=_of_code(content, paths.code),
    )
    write_json(content, out / "report.json", nan_as_null=True)


def _of_code(content: Mapping[str, Any], code: Path) -> dict[str, Any]:
    """Return command, commit and checksum of the code, for the recipe."""
    known = {key: content[key] for key in ("command", "git_commit")}
    return known | {"code_sha256": code_digest(code)}


def _write_frames(
    adata: ad.AnnData, out: Path, steps: Steps, *, use_rep: str
) -> dict[str, pd.DataFrame]:
    """Write the tables, the cells and the object, and return the tables by name."""
    steps.begin("make the tables")
    with unchanged():
        frames = {name: frame_of(adata, name) for name in TABLES}
    for name, table in TABLES.items():
        write_table(frames[name], out / table.file)
    populations = populations_of(frames["factors"], frames["arrivals"])
    add_colours(adata, population_column(adata), {p.name: p.colour for p in populations})
    steps.begin("write cells, annotated.h5ad and report.json")
    write_table(cells_table(adata, use_rep=use_rep), out / CELLS.file)
    write_table(get.gene_donors(adata), out / GENE_DONORS.file)
    write_table(sets_of(adata), out / GENE_SETS.file)
    write_h5ad(adata, out / "annotated.h5ad")
    return frames


def sets_of(adata: ad.AnnData) -> pd.DataFrame:
    """Return the table of gene sets; without rows where none was tested."""
    try:
        return get.gene_sets(adata)
    except KeyError:
        return empty(GENE_SETS)


def put_on_map(embedding: ad.AnnData, path: Path) -> int:
    """Add the places of cells on a map, ``obsm["X_umap"]``, and return how many cells have one.

    Parameters
    ----------
    embedding
        All cells of a dataset; changed in place.
    path
        File with the places of these cells, NaN for cells that are not on the map.

    Raises
    ------
    ValueError
        When the file has other cells.
    """
    places = ad.read_h5ad(path)
    if not places.obs_names.equals(embedding.obs_names):
        msg = f"{path} has other cells than the embedding: delete it and run again."
        raise ValueError(msg)
    embedding.obsm[UMAP] = places.obsm[UMAP]
    return int(np.isfinite(places.obsm[UMAP]).all(axis=1).sum())


def _of_config(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a comparison that its entry of the config has."""
    keys = ("name", "source", "target", "title", "targets", "order")
    made = {key: entry[key] for key in keys if entry.get(key) is not None}
    return made | ({"all_pairs": True} if entry.get("all_pairs") else {})


def frame_of(adata: ad.AnnData, name: str) -> pd.DataFrame:
    """Return a result table, of populations where a table can be of states as well."""
    options = {"level": POPULATION} if name in BY_POPULATION else {}
    return getattr(get, name)(adata, **options)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as tab-separated text, compressed when the name ends in .gz.

    The same table gives the same bytes. Numbers have six digits.
    """
    numbers = table.select_dtypes("float")
    table = table.assign(**{str(name): _texts(values) for name, values in numbers.items()})
    data = table.to_csv(sep="\t", index=False, lineterminator="\n").encode("utf-8")
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)


def _texts(numbers: pd.Series) -> list[str]:
    """Return numbers as text; faster than the ``float_format`` of pandas."""
    return ["" if value != value else f"{value:.6g}" for value in numbers.tolist()]
