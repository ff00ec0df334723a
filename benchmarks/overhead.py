"""Seconds that the workflow adds to its own work, per comparison of the demo.

python benchmarks/overhead.py

Runs the demo twice: through Snakemake on one core, and the same calls into cgmm (its scripts
without Snakemake) in one process that has everything imported. What the first takes longer is the
overhead: starting Snakemake and a process per job, importing scanpy and jax again, compiling
again, and keeping records. Reports and tables are work of both sides.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from _common import HERE, publish

ROOT = HERE.parent
DIRECT = """
import os, sys, time
os.environ["NPROC"] = "1"
sys.path.insert(0, {root!r})
from overhead import direct
direct(sys.argv[1])
"""


def spent(who: int) -> float:
    """Processor seconds so far."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def through_snakemake(folder: Path) -> tuple[float, float]:
    """Run the demo; wall and processor seconds."""
    shutil.copytree(ROOT / "config", folder / "config")
    began, before = time.perf_counter(), spent(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "workflow" / "Snakefile"),
    ]
    subprocess.run(
        [*command, "--cores", "1", "--quiet", "all"], cwd=folder, check=True, capture_output=True
    )
    return time.perf_counter() - began, spent(resource.RUSAGE_CHILDREN) - before


def direct(folder: str) -> None:
    """Do the work of all rules on the results that a run left, and print the seconds."""
    os.chdir(folder)
    import anndata as ad
    import jax.numpy as jnp
    import scanpy  # noqa: F401

    from cgmm import get, pp, tl
    from cgmm.report import build, build_index
    from cgmm.results.write import Paths, summarise
    from workflow.config import load
    from workflow.sheet import grouped

    jnp.zeros(1).block_until_ready()
    config, rows = load(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))
    out = Path("direct")
    began, before = time.perf_counter(), spent(resource.RUSAGE_SELF)
    for name, members in grouped(rows, "dataset").items():
        samples = [pp.Sample(**{k: v for k, v in r.items() if k != "dataset"}) for r in members]
        pp.check_samples(samples)
        adata = pp.join_samples(samples)
        pp.quality_control(adata, **config["qc"])
        pp.normalise(adata)
        pp.write_prepared(adata, out / name / "prepared.h5ad")
        facts = pp.embed(adata, **{k: config[k] for k in ("n_top_genes", "n_pcs", "n_dims")})
        for comparison in (c for c in config["comparisons"] if c["dataset"] == name):
            ends = {key: comparison[key] for key in ("source", "target")}
            donors = "donor" if "donor" in adata.obs else None
            cells = ad.AnnData(obs=adata.obs.copy(), obsm={facts["use_rep"]: adata.obsm["X_pca"]})
            settings = config["fit"] | {"random_state": 0}
            keys = {"condition_key": "condition", "use_rep": facts["use_rep"], "donor_key": donors}
            tl.fit(cells, n_dims=facts["n_dims"], **keys, **ends, **settings)
            get.fit(cells)
            made, results = Path("results") / name, Path("results") / comparison["name"]
            paths = Paths(
                fit=results / "fit",
                embedding=made / "embedding.h5ad",
                prepared=made / "prepared.h5ad",
                check=made / "check.json",
                qc=made / "qc.json",
                facts=made / "embedding.json",
                map=made / "map.h5ad",
                code=ROOT,
            )
            key = comparison["annotation_key"] or config["annotation_key"]
            about = {"name": comparison["name"], "samples": members}
            folder_of = out / comparison["name"]
            summarise(paths, folder_of, settings=config, annotation_key=key, **about, **ends)
            build(folder_of, out / f"{comparison['name']}.html", title=comparison["title"])
    names = [c["name"] for c in config["comparisons"]]
    build_index([out / n for n in names], [out / f"{n}.html" for n in names], out / "index.html")
    sys.stdout.write(f"{time.perf_counter() - began} {spent(resource.RUSAGE_SELF) - before}\n")


def main() -> None:
    """Measure both and divide the difference by the number of comparisons."""
    comparisons = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["comparisons"]
    with tempfile.TemporaryDirectory() as base:
        wall, cpu = through_snakemake(Path(base))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIRECT.format(root=str(HERE)), base],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT)))},
        )
    direct_wall, direct_cpu = map(float, done.stdout.split())
    n = len(comparisons)
    lines = [
        f"through Snakemake, one core   {wall:6.1f} s, processor {cpu:6.1f} s",
        f"the same work in one process  {direct_wall:6.1f} s, processor {direct_cpu:6.1f} s",
        f"overhead per comparison       {(wall - direct_wall) / n:6.1f} s, "
        f"processor {(cpu - direct_cpu) / n:6.1f} s  (target: < 30 s)",
        f"(load of the machine at the end: {os.getloadavg()[0]:.1f} "
        f"on {os.cpu_count()} processors)",
    ]
    publish("overhead", f"What the workflow adds to its own work: demo, {n} comparisons", lines)


if __name__ == "__main__":
    main()
