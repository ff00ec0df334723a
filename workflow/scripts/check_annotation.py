"""Check that the samples have the column that names subpopulations: annotation.json."""

from _setup import start, write_json

start(snakemake)

from cgmm.pp import check_annotation

key = snakemake.params.annotation_key
check_annotation(snakemake.input, annotation_key=key, reading=snakemake.params.reading)
write_json({"annotation_key": key}, snakemake.output[0], indent=None)
