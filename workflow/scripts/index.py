from _setup import start

start(snakemake)

from pathlib import Path

from cgmm.report import build_index

build_index(
    [Path(path).parent for path in snakemake.input.facts],
    [Path(path) for path in snakemake.input.reports],
    Path(snakemake.output[0]),
)
