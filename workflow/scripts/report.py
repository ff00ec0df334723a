"""Write the page of a comparison: its html file from its folder of results."""

from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.report import build

build(Path(snakemake.input[0]).parent, Path(snakemake.output[0]), title=snakemake.params.title)
