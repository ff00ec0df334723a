"""Write the tables of a comparison as Parquet files, beside the text files."""

from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.results.parquet import write_parquet

folder = Path(snakemake.output[0]).parent
write_parquet(folder, folder)
