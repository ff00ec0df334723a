"""Check the samples of a dataset before anything is computed: check.json from the h5ad files."""

from _samples import samples_of
from _setup import start, write_json

say = start(snakemake)

from cgmm.pp import check_readable, check_samples

params = snakemake.params
check_readable(snakemake.input)
facts = check_samples(
    samples_of(params.samples, snakemake.input),
    counts_layer=params.counts_layer,
    gene_column=params.gene_column,
    use_rep=params.use_rep,
    modality=params.modality,
    features=params.features,
    missing_genes=params.missing_genes,
    max_pct_mt=params.max_pct_mt,
    reading=params.reading,
)
write_json(facts, snakemake.output[0])
n_cells = sum(sample["n_cells_read"] for sample in facts["samples"])
say(f"{len(facts['samples'])} samples, {n_cells:,} cells, {facts['genes']['n_shared']:,} genes")
