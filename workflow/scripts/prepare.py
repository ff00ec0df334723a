from _setup import samples_of, start

say = start(snakemake)

from pathlib import Path

from cgmm._io import atomic, dumps
from cgmm.pp import join_samples, normalise, quality_control, write_prepared

params = snakemake.params
adata = join_samples(
    samples_of(params.samples, snakemake.input.files),
    counts_layer=params.counts_layer,
    gene_column=params.gene_column,
    use_rep=params.use_rep,
    modality=params.modality,
)
table = quality_control(adata, modality=params.modality, **params.qc)
normalise(adata, modality=params.modality)
write_prepared(adata, snakemake.output.prepared)
with atomic(snakemake.output.qc) as temporary:
    rows = table.to_dict(orient="records")
    Path(temporary).write_text(dumps(rows, indent=1) + "\n", encoding="utf-8")
kept, read = table["n_cells_kept"].sum(), table["n_cells_read"].sum()
say(f"kept {kept:,} of {read:,} cells, {adata.n_vars:,} genes")
