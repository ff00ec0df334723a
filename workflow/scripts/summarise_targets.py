"""Compare the targets of a comparison: tables, and targets.json."""

import os
from pathlib import Path

from _setup import start

start(snakemake)

from cgmm.results.targets import summarise_targets

summarise_targets(
    [Path(path).parent for path in snakemake.input.facts],
    Path(snakemake.output.facts).parent,
    entry=snakemake.params.entry,
    command=os.environ.get("CGMM_COMMAND", ""),
)
