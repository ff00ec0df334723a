"""From 10,000 to a million cells: time and peak memory of every stage, and how they grow.

python benchmarks/scale.py [--cells 10000 100000 1000000] [--stages fit tl.fit ...]

Each stage runs in a process of its own on the same simulated cells: half of them source, half
target, drawn from 20 Gaussians.  "beyond" is the peak of resident memory during the stage less
what was resident when its data and libraries had been loaded; for Dask the data are on disk.  The
exponent is d log CPU time / d log cells from one size to the next: 1 is linear.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import scipy.sparse as sp
from _common import publish

import cgmm as cg

CELLS = (10_000, 100_000, 1_000_000)
DIMS, COMPONENTS, GENES, DONORS = 30, 20, 2000, 8
ROWS = 20_000
TOL = 1e-4

Job = Callable[[], Any]


# Stages: each loads what it needs from the folder and returns what is to be measured --------------


def fit(folder: Path) -> Job:
    """``cgmm.fit_coupled`` on arrays."""
    x, y = sides(folder)
    return lambda: cg.fit_coupled(x, y, n_components=COMPONENTS, tol=TOL)


def fit_chunks(folder: Path) -> Job:
    """Fit the same points from disk, as a Dask array that is never held as a whole."""
    import dask.array as da

    points = h5py.File(folder / "points.h5")["points"]
    whole = da.from_array(points, chunks=(65_536, DIMS), lock=True)
    x, y = whole[: len(whole) // 2], whole[len(whole) // 2 :]
    return lambda: cg.fit_coupled(x, y, n_components=COMPONENTS, tol=TOL)


def fit_automatic(folder: Path) -> Job:
    """``cgmm.tl.fit``: partitions, metric, fit and results for every cell."""
    adata = annotated(folder)
    return lambda: tl_fit(adata)


def fit_automatic_chunks(folder: Path) -> Job:
    """``cgmm.tl.fit`` of points on disk, and its results for every cell written to disk."""
    import dask.array as da

    points = h5py.File(folder / "points.h5")["points"]
    adata = annotated(folder, da.from_array(points, chunks=(65_536, DIMS), lock=True))

    def run() -> None:
        tl_fit(adata)
        adata.write_h5ad(folder / "fitted.h5ad")

    return run


def donors(folder: Path) -> Job:
    """``cgmm.tl.donors``: intervals and tests over donors."""
    adata = annotated(folder)
    tl_fit(adata)
    return lambda: cg.tl.donors(adata, n_jobs=2)


def scanpy_pca(folder: Path) -> Job:
    """``scanpy.pp.pca`` of log-normalised counts of as many cells, for comparison."""
    import scanpy as sc

    adata = ad.AnnData(sp.load_npz(folder / "counts.npz"))
    return lambda: sc.pp.pca(adata, n_comps=DIMS, random_state=0)


STAGES: dict[str, Callable[[Path], Job]] = {
    "fit": fit,
    "fit, Dask": fit_chunks,
    "tl.fit": fit_automatic,
    "tl.fit, Dask": fit_automatic_chunks,
    "tl.donors": donors,
    "scanpy PCA": scanpy_pca,
}


# Cells -----------------------------------------------------------------------------------------


def sides(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Points of source and target, single precision."""
    x = np.load(folder / "points.npy")
    return x[: len(x) // 2], x[len(x) // 2 :]


def annotated(folder: Path, points: Any = None) -> ad.AnnData:
    """Give both sides as one object with donors; ``points`` may be a Dask array."""
    import pandas as pd

    x = np.load(folder / "points.npy") if points is None else points
    half, n = len(x) // 2, len(x)
    names = np.array(["source", "target"])
    donor = np.arange(n) % DONORS + DONORS * (np.arange(n) >= half)
    obs = pd.DataFrame(
        {
            "condition": pd.Categorical.from_codes((np.arange(n) >= half).astype(int), names),
            "donor": pd.Categorical.from_codes(donor, [f"d{i:02d}" for i in range(2 * DONORS)]),
        },
        index=pd.RangeIndex(n).astype(str),
    )
    return ad.AnnData(obs=obs, obsm={"X_pca": x})


def tl_fit(adata: ad.AnnData) -> None:
    """Fit without tuning, in all dimensions."""
    cg.tl.fit(
        adata,
        condition_key="condition",
        source="source",
        target="target",
        donor_key="donor",
        n_dims=DIMS,
    )


def simulate(folder: Path, n: int, *, counts: bool) -> None:
    """Draw points of two conditions, and counts of the same subpopulations, piece by piece."""
    rng = np.random.default_rng(0)
    means = 1.3 * rng.standard_normal((COMPONENTS, DIMS))
    roots = rng.standard_normal((COMPONENTS, DIMS, DIMS)) / np.sqrt(DIMS)
    shares = rng.dirichlet(np.full(COMPONENTS, 3.0), 2)
    rates = 0.1 * np.exp(rng.standard_normal(GENES) + rng.normal(0, 0.5, (COMPONENTS, GENES)))
    points, matrices = np.empty((n, DIMS), np.float32), []
    for start in range(0, n, ROWS):
        rows = np.arange(start, min(start + ROWS, n))
        side = (rows >= n // 2).astype(int)
        label = (rng.random(len(rows))[:, None] > np.cumsum(shares[side], 1)).sum(1)
        label = np.minimum(label, COMPONENTS - 1)
        points[rows] = means[label] + 0.3 * side[:, None]
        noise = rng.standard_normal((len(rows), DIMS))
        for k in range(COMPONENTS):
            points[rows[label == k]] += noise[label == k] @ roots[k]
        if counts:
            drawn = sp.csr_matrix(rng.poisson(rates[label]).astype(np.float32))
            drawn.data = np.log1p(drawn.data)
            matrices.append(drawn)
    np.save(folder / "points.npy", points)
    with h5py.File(folder / "points.h5", "w") as file:
        file.create_dataset("points", data=points, chunks=(min(n, 4096), DIMS))
    if counts:
        sp.save_npz(folder / "counts.npz", sp.vstack(matrices, "csr"), compressed=False)


# Measuring -------------------------------------------------------------------------------------


def resident(field: str) -> float:
    """Resident memory of this process in MB: "VmRSS" now, "VmHWM" at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def measure(stage: str, folder: Path) -> None:
    """Run one stage in this process and print seconds and MB."""
    warnings.simplefilter("ignore")
    job = STAGES[stage](folder)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, began, busy = resident("VmRSS"), time.perf_counter(), time.process_time()
    job()
    found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
    print(json.dumps(found | {"mb": resident("VmHWM") - before}))


def measured(stage: str, folder: Path) -> dict[str, float]:
    """Run one stage in a fresh process."""
    command = [sys.executable, __file__, "--measure", stage, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        return dict.fromkeys(("seconds", "cpu", "mb"), math.nan)
    return json.loads(done.stdout.splitlines()[-1])


def main(cells: list[int], stages: list[str], name: str) -> None:
    """Measure all stages at all sizes and print them, one row per stage."""
    found: dict[str, dict[int, dict[str, float]]] = {stage: {} for stage in stages}
    for n in cells:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            simulate(folder, n, counts="scanpy PCA" in stages)
            for stage in stages:
                found[stage][n] = measured(stage, folder)
                print(f"{n} {stage}: {found[stage][n]}", file=sys.stderr, flush=True)
    lines = [f"{'stage':14}" + "".join(f"{f'{n:,} cells':>30}" for n in cells) + "  exponents"]
    lines.append(f"{'':14}" + f"{'s':>10}{'CPU s':>8}{'MB beyond':>12}" * len(cells))
    for stage, of in found.items():
        numbers = "".join(
            f"{of[n]['seconds']:10.1f}{of[n]['cpu']:8.1f}{of[n]['mb']:12.0f}" for n in cells
        )
        slopes = [
            math.log(of[b]["cpu"] / of[a]["cpu"]) / math.log(b / a)
            for a, b in itertools.pairwise(cells)
        ]
        lines.append(f"{stage:14}{numbers}  " + ", ".join(f"{slope:.2f}" for slope in slopes))
    title = f"Stages by number of cells, {DIMS} dimensions, K={COMPONENTS}, {GENES} genes"
    publish(f"scale{name}", title, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, nargs="+", default=list(CELLS))
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=list(STAGES))
    parser.add_argument("--name", default="", help="added to the name of the file of results")
    parser.add_argument("--measure", nargs=2)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], Path(given.measure[1]))
    else:
        main(given.cells, given.stages, given.name)
