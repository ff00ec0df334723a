from _setup import samples_of, start

say = start(snakemake)

from pathlib import Path

from cgmm._utils.files import atomic
from cgmm._utils.strict_json import dumps
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
)
with atomic(snakemake.output[0]) as temporary:
    Path(temporary).write_text(dumps(facts, indent=1) + "\n", encoding="utf-8")
n_cells = sum(sample["n_cells_read"] for sample in facts["samples"])
say(f"{len(facts['samples'])} samples, {n_cells:,} cells, {facts['genes']['n_shared']:,} genes")
