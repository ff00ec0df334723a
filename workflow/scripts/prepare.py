from _setup import samples_of, start

say = start(snakemake)

from pathlib import Path

from cgmm import pp
from cgmm._utils.files import atomic
from cgmm._utils.strict_json import dumps

params, prepared = snakemake.params, snakemake.output.prepared
samples = samples_of(params.samples, snakemake.input.files)
where = {"counts_layer": params.counts_layer}
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
with atomic(snakemake.output.qc) as temporary:
    rows = table.to_dict(orient="records")
    Path(temporary).write_text(dumps(rows, indent=1) + "\n", encoding="utf-8")
kept, read = table["n_cells_kept"].sum(), table["n_cells_read"].sum()
say(f"kept {kept:,} of {read:,} cells, {n_genes:,} genes" + " (scale: lazy)" * (scale == "lazy"))
