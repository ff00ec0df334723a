"""Place the cells of a dataset on a map for display: map.h5ad from embedding.h5ad."""

from _setup import start
from _umap import import_umap

say = start(snakemake)
import_umap()

import json
from pathlib import Path

import anndata as ad

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp._map import display_map

cells = ad.read_h5ad(snakemake.input.embedding)
facts = json.loads(Path(snakemake.input.facts).read_text(encoding="utf-8"))
n = display_map(
    cells,
    use_rep=facts["use_rep"],
    n_dims=facts["n_dims"],
    random_state=snakemake.params.random_state,
)
places = ad.AnnData(obs=cells.obs[[]], obsm={"X_umap": cells.obsm["X_umap"]})
write_h5ad(places, snakemake.output[0])
say(f"{n:,} of {cells.n_obs:,} cells")
