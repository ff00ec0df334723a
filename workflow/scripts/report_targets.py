"""Write the common page of several targets: its html file from their folders of results."""

from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.report import build_targets

build_targets(
    Path(snakemake.input.facts).parent,
    [Path(path).parent for path in snakemake.input.members],
    [Path(path) for path in snakemake.input.pages],
    Path(snakemake.output[0]),
)
