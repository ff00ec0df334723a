"""Check the table that names subpopulations by marker genes: markers.json from the table."""

from _setup import start, write_json

start(snakemake)

from cgmm.genes.marker_table import read_marker_table

table = read_marker_table(snakemake.input[0])
write_json({"cell_types": table.cell_types, "notices": table.notices}, snakemake.output[0])
