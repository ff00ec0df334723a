"""Annotation of the cells of a comparison, from the files of the workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm import tl
from cgmm._utils.rows import as_dask, read_rows
from cgmm.donors.formula import columns_of
from cgmm.genes.gene_sets import members_of, read_gene_sets
from cgmm.genes.marker_table import find_markers, other_gene_names, read_marker_table
from cgmm.pp import InputError
from cgmm.pp._lazy import LAZY, SCALE
from cgmm.results.recipe import COLUMNS

if TYPE_CHECKING:
    from cgmm.coupled.result import CoupledFit
    from cgmm.tl._shared_populations import SharedNames

CONFOUNDERS = ("sex", "gender", "age_group", "site", "centre", "center", "chemistry", "tissue")
COUNTS = "counts"  # layer of the prepared file


def annotate(
    embedding: ad.AnnData,
    values: ad.AnnData,
    fit: CoupledFit,
    *,
    source: str,
    target: str,
    facts: dict[str, Any],
    annotation_key: str | None = None,
    markers: Path | None = None,
    gene_sets: Path | None = None,
    natural_log: bool = True,
    test_genes: bool = False,
    design: str | None = None,
    samples: Sequence[Mapping[str, str]] = (),
    shared: SharedNames | None = None,
    random_state: int = 0,
) -> ad.AnnData:
    """Return the cells of a comparison with their values, their fit and their gene changes.

    Parameters
    ----------
    embedding
        All cells of the dataset with their embedding, without values.
    values
        The cells of the two conditions, in the order of ``embedding``, with log-normalised values
        in ``X`` and, for ``test_genes``, counts in ``layers["counts"]``.
    fit
        The fit of the two conditions.
    source, target
        The two conditions.
    facts
        What :func:`cgmm.pp.embed` returned.
    annotation_key
        Column of ``obs`` that names populations; None: ``markers`` or marker genes name them.
    markers
        Marker table that names populations without an annotation. A table of which the data have
        no gene is not used.
    gene_sets
        GMT file; its sets are tested where genes are.
    natural_log
        Whether values are natural logarithms; values of cytometry are not.
    test_genes
        Whether to test genes over donors.
    design
        Formula of the tests of genes; None: the condition, with pairs.
    samples
        Rows of the sample sheet; columns that ``obs`` lacks are added to it.
    shared
        Names of the populations that several targets share, or None.
    random_state
        The seed of the fit, to record it with the results.

    Returns
    -------
    AnnData
        With the fields of :func:`cgmm.tl.fit` and :func:`cgmm.tl.genes`.
    """
    cells: Any = _cells(embedding, source, target)
    _add_columns(cells.obs, samples)
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
        markers=usable_markers(adata, markers)[0],
        shared=shared,
        random_state=random_state,
    )
    if COUNTS in values.layers:
        adata.layers[COUNTS] = values.layers[COUNTS]
    tl.genes(adata, natural_log=natural_log, de=test_genes, counts_layer=COUNTS, design=design)
    if test_genes and natural_log and gene_sets is not None and not missing_sets(adata, gene_sets):
        tl.gene_sets(adata, gene_sets, counts_layer=COUNTS, design=design)
    adata.layers.pop(COUNTS, None)
    return adata


def usable_markers(adata: ad.AnnData, markers: Path | None) -> tuple[Path | None, list[str]]:
    """Return a marker table of which the data have genes, else None and a sentence.

    The sentences also include the notices about a table that is used.
    """
    if markers is None:
        return None, []
    table = read_marker_table(markers)
    try:
        found = find_markers(
            table, adata.var_names.astype(str), other_names=other_gene_names(adata.var)
        )
    except InputError as error:
        return None, [f"Marker genes name the subpopulations. {error}"]
    return markers, list(found.notices)


def missing_sets(adata: ad.AnnData, gene_sets: Path) -> str:
    """Return why gene sets cannot be tested, in a sentence: the data have none of their genes."""
    try:
        names = other_gene_names(adata.var)
        members_of(read_gene_sets(gene_sets), adata.var_names.astype(str), other_names=names)
    except InputError as error:
        return str(error)
    return ""


def add_uncertainty(
    adata: ad.AnnData, *, technical_replicates: bool = False, **options: Any
) -> None:
    """Run :func:`cgmm.tl.donors` with the batches and possible confounders of the samples.

    Parameters
    ----------
    adata
        From :func:`annotate`. The fields of :func:`cgmm.tl.donors` are added to it.
    technical_replicates
        Whether several samples of a donor in a condition are counted together; otherwise they are
        replicates with a random donor effect.
    options
        Arguments of :func:`cgmm.tl.donors`; ``n_bootstrap``, of earlier configs, is not used.
    """
    options.pop("n_bootstrap", None)
    design = options.get("design")
    adjusted = [] if design is None else columns_of(design)
    known = [
        str(c)
        for c in adata.obs
        if str(c).lower() in CONFOUNDERS and c not in adjusted and not _is_condition(adata, c)
    ]
    if not technical_replicates and _has_repeated_samples(adata):
        options["sample_key"] = "sample"
    batch = None
    if "batch" in adata.obs and "donor" in adata.obs:
        per = pd.crosstab(
            adata.obs["batch"].astype(str).to_numpy(object),
            adata.obs["condition"].astype(str).to_numpy(object),
        )
        if len(per) > 1:
            # tl.donors refuses a batch that coincides with the condition; as a confounder, the
            # batch is reported
            batch = "batch" if (per > 0).all(axis=1).any() else None
            known += [] if batch else ["batch"]
    tl.donors(adata, batch_key=batch, confounders=known, **options)


def _is_condition(adata: ad.AnnData, column: Any) -> bool:
    """Return whether a column holds the conditions themselves, as where men and women are."""
    return bool((adata.obs[column].astype(str) == adata.obs["condition"].astype(str)).all())


def _has_repeated_samples(adata: ad.AnnData) -> bool:
    """Return whether a donor has several samples in a condition."""
    if not {"sample", "donor"} <= set(adata.obs):
        return False
    units = adata.obs[["condition", "donor", "sample"]].astype(str).drop_duplicates()
    return bool(units.duplicated(["condition", "donor"]).any())


def read_values(path: Path, *, rows: np.ndarray | None = None, counts: bool = False) -> ad.AnnData:
    """Read the names, ``X`` and, on request, the counts of a prepared file.

    Values of a file that was made lazily are Dask arrays, which are read when they are used.

    Parameters
    ----------
    path
        The file.
    rows
        Cells to read, shape (n_cells_of_file,), bool; other cells are never in memory. None: all
        cells.
    counts
        Whether to read the counts, if the file has them.
    """
    with h5py.File(path, "r") as file:
        lazy = SCALE in file["uns"] and read_elem(file["uns"][SCALE]) == LAZY
        read = _lazy_rows if lazy else read_rows
        obs: Any = read_elem(file["obs"])
        var: Any = read_elem(file["var"])
        rows = np.ones(len(obs), dtype=bool) if rows is None else rows
        values = read(file["X"], rows)
        wanted = counts and COUNTS in file.get("layers", {})
        layers = {COUNTS: read(file["layers"][COUNTS], rows)} if wanted else {}
    return ad.AnnData(X=values, obs=obs.loc[rows, []], var=var[[]], layers=layers)


def _lazy_rows(stored: h5py.Group, rows: np.ndarray) -> Any:
    """Return some rows of a stored CSR matrix as a Dask array."""
    values = as_dask(stored)
    return values if rows.all() else values[np.flatnonzero(rows)]


def rows_of_conditions(adata: ad.AnnData, source: str, target: str) -> np.ndarray:
    """Return whether each cell belongs to one of the two conditions, shape (n_cells,), bool."""
    return adata.obs["condition"].astype(str).isin([source, target]).to_numpy(dtype=bool)


def _cells(adata: ad.AnnData, source: str, target: str) -> ad.AnnData:
    """Copy the cells of the two conditions; other conditions are removed from the categories."""
    cells = adata[rows_of_conditions(adata, source, target)].copy()
    condition = cells.obs["condition"].astype(str).to_numpy()
    cells.obs["condition"] = pd.Categorical(condition, categories=[source, target])
    return cells


def _add_columns(obs: pd.DataFrame, samples: Sequence[Mapping[str, str]]) -> None:
    """Add the further columns of the sample sheet to ``obs``; empty fields are missing values."""
    of_sample = {row["sample"]: row for row in samples}
    further = [name for row in samples[:1] for name in row if name not in COLUMNS]
    for name in further:
        values = {sample: row[name] or None for sample, row in of_sample.items()}
        obs[name] = pd.Series(
            [values.get(sample) for sample in obs["sample"].astype(str)],
            index=obs.index,
            dtype=object,
        ).astype("category")


def _donor_key(adata: ad.AnnData) -> str | None:
    return "donor" if "donor" in adata.obs else None
