"""Put the cells of a dataset into one space: embedding.h5ad, embedding.json from prepared.h5ad."""

from _setup import start, write_json

say = start(snakemake)

import anndata as ad

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import embed, read_prepared

params = snakemake.params
adata = read_prepared(snakemake.input[0])
facts = embed(
    adata,
    use_rep=params.use_rep,
    n_top_genes=params.n_top_genes,
    n_pcs=params.n_pcs,
    n_dims=params.n_dims,
    integrate=params.integrate,
    modality=params.modality,
    random_state=params.random_state,
    with_map=False,
)
slots = {"obs": adata.obs, "var": adata.var, "obsm": adata.obsm, "varm": adata.varm}
write_h5ad(ad.AnnData(**slots, uns=adata.uns), snakemake.output.embedding)
write_json(facts, snakemake.output.facts)
say(f"{facts['use_rep']}, {facts['n_dims']} dimensions from {facts['n_genes_used']:,} genes")
