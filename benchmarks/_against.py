"""One stage of ``against.py`` in a fresh process, with whichever cgmm is on the path.

    PYTHONPATH=TREE python benchmarks/_against.py STAGE FOLDER NAME

A stage prepares what is not measured and returns a job and what is compared of its answer.  The
same lines run in both trees: only names that both have are called, and arguments that differ are
left at their defaults.  Seconds, processor seconds and memory of the first call and of a second one
go to standard output, the answer to ``FOLDER/NAME``.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answer = dict[str, Any]
Job = Callable[[], Any]
Stage = tuple[Job, Callable[[Any], Answer]]

SIDES = {"condition_key": "condition", "donor_key": "donor"}
KANG = SIDES | {"source": "ctrl", "target": "stim"}
MADE = SIDES | {"source": "source", "target": "target"}
MAX_LOG2 = 4.0
GENES = {"n_top_genes": 2000}
SAMPLES = ("s0", "s1", "s2", "s3")


def imported(_: Path, __: str) -> Stage:
    """``import cgmm`` and the functions of a notebook."""

    def job() -> None:
        import cgmm

        for part in ("tl", "get", "pl", "pp", "fit_coupled"):
            getattr(cgmm, part)

    return job, lambda _: {}


def fit_kang(folder: Path, _: str) -> Stage:
    """``tl.fit`` of the cells of Kang et al."""
    import anndata as ad

    adata = ad.read_h5ad(folder / "kang.h5ad")
    return lambda: _fitted(adata, KANG), lambda _: _of_cells(adata)


def fit_made(folder: Path, _: str, n: int = 100_000) -> Stage:
    """``tl.fit`` of simulated cells."""
    import anndata as ad

    adata = ad.read_h5ad(folder / f"made-{n}.h5ad")
    return lambda: _fitted(adata, MADE), lambda _: _of_cells(adata)


def fit_million(folder: Path, name: str) -> Stage:
    """``tl.fit`` of a million simulated cells."""
    return fit_made(folder, name, 1_000_000)


def donors(folder: Path, name: str) -> Stage:
    """``tl.donors`` with its defaults, after a fit by the same tree."""
    import cgmm as cg

    adata = _kept(folder, name)
    return lambda: cg.tl.donors(adata), lambda _: _of_donors(adata)


def permutations(folder: Path, name: str) -> Stage:
    """``tl.donors`` with a thousand exchanges."""
    import cgmm as cg

    adata = _kept(folder, name)
    return lambda: cg.tl.donors(adata, n_permutations=1000), lambda _: _of_donors(adata)


def genes(folder: Path, name: str) -> Stage:
    """``tl.genes`` with its defaults, after a fit by the same tree."""
    import cgmm as cg

    adata = _kept(folder, name)
    return lambda: cg.tl.genes(adata), lambda _: _of_genes(adata)


def tested_genes(folder: Path, name: str) -> Stage:
    """``tl.genes`` with tests over donors."""
    import cgmm as cg

    adata = _kept(folder, name)
    return lambda: cg.tl.genes(adata, de=True), lambda _: _of_genes(adata)


def components_of_counts(folder: Path, name: str) -> Stage:
    """From counts to principal components by blocks: prepare and embed, without the map."""
    from cgmm import pp
    from cgmm.pp import _embed

    counts = str(folder / "counts.h5ad")
    column = {"condition": "c", "obs_column": "sample"}
    samples = [pp.Sample(sample=s, path=counts, obs_value=s, **column) for s in SAMPLES]

    def job() -> Any:
        out = folder / f"{name}.prepared.h5ad"
        out.unlink(missing_ok=True)
        pp.prepare_lazily(samples, out, min_genes=50, min_cells=10)
        adata = pp.read_prepared(out)
        _embed.select_genes(adata, **GENES)
        _embed.principal_components(adata, n_pcs=30)
        return adata

    return job, lambda adata: {"space": np.asarray(adata.obsm["X_pca"], float)}


STAGES: dict[str, Callable[[Path, str], Stage]] = {
    "import": imported,
    "fit": fit_kang,
    "fit-100k": fit_made,
    "fit-1M": fit_million,
    "donors": donors,
    "permutations": permutations,
    "genes": genes,
    "tested-genes": tested_genes,
    "components": components_of_counts,
}
ONCE = ("import", "fit-1M", "components", "tested-genes")  # stages without a second call


# Shared by the stages --------------------------------------------------------------------------


def _fitted(adata: Any, comparison: dict[str, str]) -> Any:
    import cgmm as cg

    cg.tl.fit(adata, **comparison)
    return adata


def _kept(folder: Path, name: str) -> Any:
    """Return the fit of a tree, made by its first stage that needs one."""
    import anndata as ad

    path = folder / f"{name.split('.')[0]}.fitted.h5ad"
    if not path.is_file():
        _fitted(ad.read_h5ad(folder / "kang.h5ad"), KANG).write_h5ad(path)
    return ad.read_h5ad(path)


def _of_cells(adata: Any) -> Answer:
    """Return log2 factor, component and, if there is one, population of every cell."""
    factor = np.asarray(adata.obs["cgmm_log2_net_factor"], float)
    answer = {
        "log2 factor": np.clip(factor, -MAX_LOG2, MAX_LOG2),
        "component": np.asarray(adata.obs["cgmm_component"].astype(str)),
    }
    if "cgmm_population" in adata.obs:
        answer["population"] = np.asarray(adata.obs["cgmm_population"].astype(str))
    return answer


def _of_donors(adata: Any) -> Answer:
    """Return interval and p of the component of every source cell."""
    import cgmm as cg

    table = cg.get.factors(adata).set_index("name")
    names = adata.obs["cgmm_component"].astype(str)
    names = names[adata.obs["condition"].astype(str) == "ctrl"]
    found = {}
    for column, title in (("ci_low", "lower end"), ("ci_high", "upper end"), ("p", "p")):
        if column in table:
            values = table[column].reindex(names).to_numpy(float)
            found[title] = np.clip(values, -MAX_LOG2, MAX_LOG2)
    return found


def _of_genes(adata: Any) -> Answer:
    """Return the change of every gene in every component or population."""
    import cgmm as cg

    table = cg.get.genes(adata)
    keys = (table["name"].astype(str) + " " + table["gene"].astype(str)).to_numpy()
    return {"key": keys, "log2 change": table["log2_change"].to_numpy(float)}


def _resident(field: str) -> float:
    """Resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def main(stage: str, folder: Path, name: str) -> None:
    """Measure one stage, and keep its answer."""
    warnings.simplefilter("ignore")
    job, answer_of = STAGES[stage](folder, name)
    rows: list[dict[str, float]] = []
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the memory starts anew
    before = _resident("VmRSS")
    for _ in range(1 if stage in ONCE else 2):
        began, busy = time.perf_counter(), time.process_time()
        result = job()
        rows.append({"s": time.perf_counter() - began, "cpu": time.process_time() - busy})
    rows[0]["mb"] = _resident("VmHWM") - before
    answer = {k: v.astype(str) if v.dtype == object else v for k, v in answer_of(result).items()}
    np.savez(folder / f"{name}.{stage}.npz", **answer)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
