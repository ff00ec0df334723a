"""Check that the samples allow the design, with columns of obs: design.json."""

from _samples import samples_of
from _setup import start, write_json

start(snakemake)

from cgmm.donors.design_of_samples import design_of_samples
from cgmm.pp import sample_values

params = snakemake.params
samples = samples_of(params.samples, snakemake.input)
values = sample_values(samples, params.columns, reading=params.reading)
rows = [row | own for row, own in zip(params.rows, values, strict=True)]
made = design_of_samples(
    params.design,
    rows,
    technical_replicates=params.technical_replicates,
    **params.ends,
)
write_json({"design": params.design, "sentence": made.sentence}, snakemake.output[0], indent=None)
