from _setup import start

say = start(snakemake)

import json
from pathlib import Path

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import CONDITION, DONOR
from cgmm.results.embedding import read_embedding
from cgmm.results.fit_files import load_fit, save_fit
from cgmm.tl._fit_comparison import fit_comparison

facts = json.loads(Path(snakemake.input.facts).read_text(encoding="utf-8"))
adata = read_embedding(snakemake.input.embedding, facts["use_rep"])
settings = dict(snakemake.params.fit)
if isinstance(settings["n_components"], list):
    settings["n_components"] = tuple(settings["n_components"])
comparison = Comparison(
    condition_key=CONDITION,
    use_rep=facts["use_rep"],
    n_dims=facts["n_dims"],
    donor_key=DONOR if DONOR in adata.obs else None,
    **snakemake.params.ends,
)
shared = next(iter(snakemake.input.shared), None)
if shared is not None:
    settings["source"] = load_fit(Path(shared).with_suffix("")).source
fit = fit_comparison(adata, comparison, **settings)
save_fit(fit, Path(snakemake.output.arrays).with_suffix(""))
k0, k1 = fit.coupling.shape
say(f"{k0} and {k1} subpopulations: {fit.status}")
