"""Annotate the cells of a comparison by its fit: tables, cells, annotated.h5ad, report.json."""

import os
from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.results.write import Paths, summarise

paths = snakemake.input
summarise(
    Paths(
        fit=Path(paths.arrays).with_suffix(""),
        embedding=Path(paths.embedding),
        prepared=Path(paths.prepared),
        check=Path(paths.check),
        qc=Path(paths.qc),
        facts=Path(paths.facts),
        map=Path(paths.map),
        code=Path(snakemake.scriptdir).resolve().parents[1],
    ),
    Path(snakemake.output.facts).parent,
    name=snakemake.wildcards.comparison,
    annotation_key=snakemake.params.annotation_key,
    markers=next(iter(paths.markers), None),
    gene_sets=next(iter(paths.gene_sets), None),
    settings=snakemake.params.settings,
    samples=snakemake.params.samples,
    command=os.environ.get("CGMM_COMMAND", ""),
    n_jobs=snakemake.threads,
    shared=next((Path(path).with_suffix("") for path in paths.shared), None),
    entry=snakemake.params.entry,
    **snakemake.params.ends,
)
