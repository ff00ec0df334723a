"""Write the page of a comparison and its claims as JSON, from its folder of results."""

from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.report import build, build_twins

folder, out, title = Path(snakemake.input[0]).parent, snakemake.output, snakemake.params.title
build(folder, Path(out.page), title=title, benchmarks=Path("logs/benchmarks"))
build_twins(folder, Path(out.findings), Path(out.multiqc), title=title)
