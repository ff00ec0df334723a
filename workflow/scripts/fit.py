from _setup import start

say = start(snakemake)

import json
from pathlib import Path

import anndata as ad
from cgmm._io import save_fit
from cgmm.summary import fit_comparison

result = fit_comparison(
    ad.read_h5ad(snakemake.input.embedding),
    facts=json.loads(Path(snakemake.input.facts).read_text(encoding="utf-8")),
    **snakemake.params.ends,
    **snakemake.params.fit,
)
save_fit(result, Path(snakemake.output.arrays).with_suffix(""))
k0, k1 = result.coupling.shape
say(f"{k0} and {k1} subpopulations, {result.n_steps} steps: {result.status}")
