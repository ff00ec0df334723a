"""Check the file of gene sets: gene_sets.json from a GMT file."""

from _setup import start, write_json

start(snakemake)

from cgmm.genes.gene_sets import read_gene_sets

write_json({"n_sets": len(read_gene_sets(snakemake.input[0]).names)}, snakemake.output[0])
