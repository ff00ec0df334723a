"""Simulate the donors of the demo, whose changes are known: one h5ad file."""

from _setup import start

start(snakemake)

from cgmm import simulate
from cgmm._utils.h5ad import write_h5ad

adata = simulate.counts(conditions=("healthy", "treated"), n_donors=5, random_state=0)
adata.uns["data_source"] = {
    "text": "Simulated by cgmm.simulate.counts: ten donors, known changes of prevalence and state",
    "licence": "CC0",
    "citation": "",
}
write_h5ad(adata, snakemake.output[0])
