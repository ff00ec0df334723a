from _setup import start

say = start(snakemake)

from pathlib import Path

from cgmm._io import atomic, dumps
from cgmm.pp import Sample, check_samples

params = snakemake.params
facts = check_samples(
    [Sample(**row) for row in params.samples],
    counts_layer=params.counts_layer,
    gene_column=params.gene_column,
    annotation_keys=params.annotation_keys,
    use_rep=params.use_rep,
    modality=params.modality,
)
with atomic(snakemake.output[0]) as temporary:
    Path(temporary).write_text(dumps(facts, indent=1) + "\n", encoding="utf-8")
n_cells = sum(sample["n_cells_read"] for sample in facts["samples"])
say(f"{len(facts['samples'])} samples, {n_cells:,} cells, {facts['genes']['n_shared']:,} genes")
