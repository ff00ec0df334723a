"""Time and peak memory from counts to principal components, in blocks and in memory.

python benchmarks/scale_front.py [cells ...]

Simulated counts of 3,000 genes (twelve kinds of cells, four samples, more than nine tenths zeros).
``lazy``: what the workflow does with ``scale: lazy``, ``memory``: with ``scale: memory``; both as
two processes, prepare (read, filter, normalise, write) and embed (read, variable genes, 30
principal components). ``scanpy``: the same stages by scanpy's defaults in one process, which has
its values at hand between the two. Every process is a fresh one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from _common import HERE, publish

CELLS = (10_000, 100_000, 300_000)
GENES, KINDS, SAMPLES, AT_ONCE = 3000, 12, 4, 5000
QC = {"min_genes": 50, "min_cells": 10}
WAYS = ("scanpy", "memory", "lazy")


class Appended:
    """Write a CSR matrix to an open h5ad file, some rows at a time."""

    def __init__(self, group: h5py.Group, n_columns: int) -> None:
        self._group, self._n_columns, self._n_values = group, n_columns, 0
        self._ends = [np.zeros(1, dtype=np.int64)]
        for name, kind in (("data", np.float32), ("indices", np.int32)):
            group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(250_000,))

    def append(self, block: sp.csr_matrix) -> None:
        """Append rows; a block without rows is allowed."""
        at, more = self._n_values, block.nnz
        for name in ("data", "indices"):
            self._group[name].resize((at + more,))
            self._group[name][at:] = getattr(block, name)
        self._ends.append(at + block.indptr[1:].astype(np.int64))
        self._n_values += more

    def close(self) -> None:
        """Write the ends of the rows and the attributes of the group; call it last."""
        indptr = np.concatenate(self._ends)
        self._group.create_dataset("indptr", data=indptr)
        self._group.attrs["encoding-type"] = "csr_matrix"
        self._group.attrs["encoding-version"] = "0.1.0"
        self._group.attrs["shape"] = np.array([len(indptr) - 1, self._n_columns])


def write_counts(path: Path, n_cells: int) -> float:
    """Write simulated counts block by block; the share of zeros."""
    import anndata as ad

    rng = np.random.default_rng(0)
    base = rng.gamma(0.25, 0.35, GENES)
    rates = base * np.exp(rng.normal(0, 0.8, (KINDS, GENES)) * (rng.random((KINDS, GENES)) < 0.15))
    sample = np.repeat(np.arange(SAMPLES), -(-n_cells // SAMPLES))[:n_cells]
    obs = pd.DataFrame(
        {"sample": [f"s{i}" for i in sample]}, index=[f"cell{i}" for i in range(n_cells)]
    )
    var = pd.DataFrame(index=[f"gene{i}" for i in range(GENES)])
    ad.AnnData(obs=obs, var=var).write_h5ad(path)
    n_values = 0
    with h5py.File(path, "a") as file:
        if "X" in file:
            del file["X"]
        rows = Appended(file.create_group("X"), GENES)
        for start in range(0, n_cells, AT_ONCE):
            n = min(AT_ONCE, n_cells - start)
            depth = rng.lognormal(0, 0.4, (n, 1))
            block = sp.csr_matrix(rng.poisson(rates[rng.integers(0, KINDS, n)] * depth))
            n_values += block.nnz
            rows.append(block.astype(np.float32))
        rows.close()
    return 1 - n_values / (n_cells * GENES)


def with_scanpy(path: Path) -> dict[str, Callable[[], Any]]:
    """Stages of plain scanpy."""
    import anndata as ad
    import scanpy as sc

    kept: dict[str, Any] = {}

    def prepare() -> None:
        adata = ad.read_h5ad(path)
        sc.pp.filter_cells(adata, min_genes=QC["min_genes"])
        sc.pp.filter_genes(adata, min_cells=QC["min_cells"])
        adata.layers["counts"] = adata.X.copy()
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
        adata.uns.pop("log1p")
        adata.write_h5ad(path.with_suffix(".scanpy"))
        kept["adata"] = adata

    def embed() -> None:
        sc.pp.highly_variable_genes(kept["adata"], n_top_genes=2000, batch_key="sample")
        sc.pp.pca(kept["adata"], n_comps=30, mask_var="highly_variable")

    return {"prepare": prepare, "embed": embed}


def with_cgmm(path: Path, way: str) -> dict[str, Callable[[], Any]]:
    """Stages of the workflow."""
    from cgmm import pp

    samples = [
        pp.Sample(
            sample=f"s{i}", path=str(path), condition="c", obs_column="sample", obs_value=f"s{i}"
        )
        for i in range(SAMPLES)
    ]
    out = path.with_suffix(f".{way}")

    def prepare() -> None:
        if way == "lazy":
            pp.prepare_lazily(samples, out, **QC)
            return
        adata = pp.join_samples(samples)
        pp.quality_control(adata, **QC)
        pp.normalise(adata)
        pp.write_prepared(adata, out)

    def embed() -> None:
        from cgmm.pp._embed import principal_components, select_genes

        adata = pp.read_prepared(out)
        select_genes(adata, n_top_genes=2000)
        principal_components(adata, n_pcs=30)

    return {"prepare": prepare, "embed": embed}


def child(way: str, path: str, *stages: str) -> None:
    """Run stages and print seconds of each and the peak memory; imports are not counted in time."""
    import scanpy  # noqa: F401

    calls = with_scanpy(Path(path)) if way == "scanpy" else with_cgmm(Path(path), way)
    seconds = {}
    for stage in stages:
        began = time.perf_counter()
        calls[stage]()
        seconds[stage] = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write("\n" + json.dumps([seconds, peak]) + "\n")


def measured(way: str, path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and peak MB of every stage of a way."""
    seconds: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for stages in [("prepare", "embed")] if way == "scanpy" else [("prepare",), ("embed",)]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "child", way, str(path), *stages],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent)))},
        )
        took, peak = json.loads(done.stdout.splitlines()[-1])
        seconds |= took
        peaks |= dict.fromkeys(stages, peak)
    return seconds, peaks


def main(sizes: list[int]) -> None:
    """Measure every way at every size."""
    lines = [f"{'cells':>8} {'way':8} {'prepare':>9} {'embed':>9} {'together':>9} {'peak':>9}"]
    total: dict[str, list[float]] = {way: [] for way in WAYS}
    largest: dict[str, list[float]] = {way: [] for way in WAYS}
    zeros = 0.0
    with tempfile.TemporaryDirectory() as base:
        for n in sizes:
            path = Path(base) / f"{n}.h5ad"
            zeros = write_counts(path, n)
            for way in WAYS:
                seconds, peaks = measured(way, path)
                total[way].append(sum(seconds.values()))
                largest[way].append(max(peaks.values()))
                lines.append(
                    f"{n:>8,} {way:8} {seconds['prepare']:7.1f} s {seconds['embed']:7.1f} s "
                    f"{total[way][-1]:7.1f} s {largest[way][-1]:6.0f} MB"
                )
                path.with_suffix(f".{way}").unlink(missing_ok=True) if way == "scanpy" else None
            for other in Path(base).iterdir():
                other.unlink()
    if len(sizes) > 1:
        lines += ["", "growth exponents between the two largest sizes:"]
        step = np.log(sizes[-1] / sizes[-2])
        lines += [
            f"  {way:8} time {np.log(total[way][-1] / total[way][-2]) / step:5.2f}, "
            f"peak memory {np.log(largest[way][-1] / largest[way][-2]) / step:5.2f}"
            for way in WAYS
        ]
    lines.append(f"(load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors)")
    title = f"From counts to principal components: {GENES} genes, {zeros:.0%} zeros"
    publish("scale_front", title, lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
    else:
        main([int(a) for a in sys.argv[1:]] or list(CELLS))
