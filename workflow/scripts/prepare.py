"""Join, filter and normalise the samples of a dataset: prepared.h5ad, qc.json from h5ad files."""

from _samples import samples_of
from _setup import start, write_json

say = start(snakemake)

from cgmm import pp

params, prepared = snakemake.params, snakemake.output.prepared
samples = samples_of(params.samples, snakemake.input.files)
where = {"counts_layer": params.counts_layer, "reading": params.reading}
scale = pp.choose_scale(samples, params.scale, modality=params.modality, **where)
where |= {"gene_column": params.gene_column, "use_rep": params.use_rep}
where |= {"features": params.features, "missing_genes": params.missing_genes}
if scale == "lazy":
    table, n_genes = pp.prepare_lazily(samples, prepared, **where, **params.qc)
else:
    adata = pp.join_samples(samples, modality=params.modality, **where)
    table = pp.quality_control(adata, modality=params.modality, **params.qc)
    pp.normalise(adata, modality=params.modality)
    pp.write_prepared(adata, prepared)
    n_genes = adata.n_vars
write_json(table.to_dict(orient="records"), snakemake.output.qc)
kept, read = table["n_cells_kept"].sum(), table["n_cells_read"].sum()
say(f"kept {kept:,} of {read:,} cells, {n_genes:,} genes" + " (scale: lazy)" * (scale == "lazy"))
