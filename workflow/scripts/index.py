"""Write the page that lists all reports: index.html from the report.json of each comparison."""

from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.report import build_index

build_index(
    [Path(path).parent for path in snakemake.input.facts],
    [Path(path) for path in snakemake.input.reports],
    Path(snakemake.output[0]),
    titles=snakemake.params.titles,
    of_targets=[Path(path).parent for path in snakemake.input.of_targets],
    reports_of_targets=[Path(path) for path in snakemake.input.reports_of_targets],
)
