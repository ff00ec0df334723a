from _setup import start

start(snakemake)

from pathlib import Path

from cgmm.report import build

build(Path(snakemake.input[0]).parent, Path(snakemake.output[0]), title=snakemake.params.title)
