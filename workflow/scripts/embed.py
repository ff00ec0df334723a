from _setup import start
from _umap import import_umap

say = start(snakemake)
import_umap()

from pathlib import Path

import anndata as ad
from cgmm._utils.files import atomic
from cgmm._utils.strict_json import dumps
from cgmm._utils.files import write_h5ad
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
)
slots = {"obs": adata.obs, "var": adata.var, "obsm": adata.obsm, "varm": adata.varm}
write_h5ad(ad.AnnData(**slots, uns=adata.uns), snakemake.output.embedding)
with atomic(snakemake.output.facts) as temporary:
    Path(temporary).write_text(dumps(facts, indent=1) + "\n", encoding="utf-8")
say(f"{facts['use_rep']}, {facts['n_dims']} dimensions from {facts['n_genes_used']:,} genes")
