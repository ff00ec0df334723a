"""Find the populations of all targets of a comparison: populations.npz, populations.json."""

from pathlib import Path

from _setup import start

say = start(snakemake)

from cgmm.results.shared import SharedInputs, share

paths, params = snakemake.input, snakemake.params
n = share(
    SharedInputs(
        fits=[Path(path).with_suffix("") for path in paths.fits],
        embedding=Path(paths.embedding),
        facts=Path(paths.facts),
        prepared=Path(paths.prepared),
    ),
    Path(snakemake.output.arrays).with_suffix(""),
    source=params.source,
    targets=list(params.targets),
    annotation_key=params.annotation_key,
    markers=next(iter(paths.markers), None),
    random_state=params.random_state,
)
say(f"{n} populations in {len(paths.fits)} targets")
