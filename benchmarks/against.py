"""The same work in a checkout of another commit and in the present tree, in turn, in one run.

    python benchmarks/against.py REV [--stages fit donors ...] [--rounds 3] [--name NAME]
                                     [--data ../shared/data]

Every stage runs in a fresh process of the same interpreter, alternately with the code of REV (a git
worktree in a temporary folder) and with the code of this tree.  "first" is the first call in its
process, imports of cgmm excluded; "warm" the second call.  A ratio is the time of REV over the time
of this tree, the median over the rounds: above one, this tree is faster.  Processor seconds are
those of all threads; prefer their ratio on a busy machine.  "MB" is the peak of resident memory
beyond what was resident when data and libraries had been loaded.  The last column compares the
answers of both trees.  The stage "workflow" runs the demo of each tree through Snakemake on two
cores; its rules are rows of their own, with the seconds of Snakemake's benchmark files.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _common import DATA, HERE, publish

ROOT = HERE.parent
WORKER = HERE / "_against.py"
DEFAULT = ("import", "fit", "donors", "genes", "components", "workflow")
CORES = 2
Trees = dict[str, Path]


class Row(NamedTuple):
    """Times of one row of the table: seconds and processor seconds of each tree, round by round."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]
    mb: dict[str, list[float]]
    answers: str = ""


def empty() -> Row:
    """Return a row without times."""
    return Row(defaultdict(list), defaultdict(list), defaultdict(list))


# Trees and data --------------------------------------------------------------------------------


@contextlib.contextmanager
def checkout(rev: str) -> Iterator[Path]:
    """Yield a worktree of a commit, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="against-") as place:
        tree = Path(place) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(tree), rev], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def environment(tree: Path) -> dict[str, str]:
    """Return the environment of a process that finds the cgmm of a tree."""
    return os.environ | {"PYTHONPATH": str(tree), "PYTHONWARNINGS": "ignore"}


def make_data(folder: Path, stages: list[str], data: Path) -> None:
    """Write the cells that the stages read; neither tree is involved."""
    if {"fit", "donors", "permutations", "genes", "tested-genes"} & set(stages):
        write_kang(folder / "kang.h5ad", data)
    for stage, n in (("fit-100k", 100_000), ("fit-1M", 1_000_000)):
        if stage in stages:
            write_made(folder, n)
    if "components" in stages:
        from scale_front import write_counts

        write_counts(folder / "counts.h5ad", 100_000)


def write_kang(path: Path, data: Path) -> None:
    """Write the cells of Kang et al., log-normalised, with principal components and counts."""
    import anndata as ad
    import scanpy as sc

    adata = ad.read_h5ad(data / "kang_ifnb.h5ad")
    adata.layers["counts"] = adata.X.copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    adata.uns.pop("log1p")
    sc.pp.highly_variable_genes(adata, n_top_genes=2000)
    sc.pp.pca(adata, n_comps=30, random_state=0)
    adata.write_h5ad(path)


def write_made(folder: Path, n: int) -> None:
    """Write the simulated cells of ``scale.py``."""
    from scale import annotated, simulate

    simulate(folder, n, counts=False)
    annotated(folder).write_h5ad(folder / f"made-{n}.h5ad")
    for name in ("points.npy", "points.h5"):
        (folder / name).unlink()


# Running ---------------------------------------------------------------------------------------


def run_stage(stage: str, trees: Trees, folder: Path, rounds: int) -> dict[str, Row]:
    """Run a stage in both trees in turn; rows of the first and of the second call."""
    rows = {"first": empty(), "warm": empty()}
    for _ in range(rounds):
        for name, tree in trees.items():
            command = [sys.executable, str(WORKER), stage, str(folder), name]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment(tree)
            )
            if done.returncode:
                sys.stderr.write(f"{stage} failed in {name}: {done.stderr[-800:]}\n")
                return {}
            for row, times in zip(
                rows.values(), json.loads(done.stdout.splitlines()[-1]), strict=False
            ):
                row.wall[name].append(times["s"])
                row.cpu[name].append(times["cpu"])
                row.mb[name].append(times.get("mb", np.nan))
            sys.stderr.write(f"{stage} {name}: {done.stdout.splitlines()[-1]}\n")
    answers = [dict(np.load(folder / f"{n}.{stage}.npz", allow_pickle=False)) for n in trees]
    kept = {title: row for title, row in rows.items() if row.wall}
    last = list(kept)[-1]
    kept[last] = kept[last]._replace(answers=compared(*answers))
    return {f"{stage}, {title}" if len(kept) > 1 else stage: row for title, row in kept.items()}


def run_workflow(trees: Trees, rounds: int) -> dict[str, Row]:
    """Run the demo of each tree through Snakemake; rows for the whole and for every rule."""
    rows: dict[str, Row] = defaultdict(empty)
    for _ in range(rounds):
        for name, tree in trees.items():
            with tempfile.TemporaryDirectory(prefix="against-run-") as place:
                for rule, (wall, cpu, mb) in one_workflow(tree, Path(place)).items():
                    rows[f"workflow: {rule}"].wall[name].append(wall)
                    rows[f"workflow: {rule}"].cpu[name].append(cpu)
                    rows[f"workflow: {rule}"].mb[name].append(mb)
    return {rule: row for rule, row in rows.items() if len(row.wall) == len(trees)}


def one_workflow(tree: Path, folder: Path) -> dict[str, tuple[float, float, float]]:
    """Return seconds, processor seconds and MB of the demo of a tree, and of each of its rules."""
    shutil.copytree(tree / "config", folder / "config")
    entry = next(p for p in (tree / "workflow/Snakefile", tree / "Snakefile") if p.is_file())
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(entry), "--cores", str(CORES)]
    began, before = time.perf_counter(), children()
    done = subprocess.run(
        [*command, "--quiet", "all"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    if done.returncode:
        sys.stderr.write(f"the demo of {tree} failed: {done.stderr[-800:]}\n")
        return {}
    found = {"all": (time.perf_counter() - began, children() - before, np.nan)}
    parts: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for path in (folder / "logs" / "benchmarks").rglob("*.tsv"):
        rule = path.relative_to(folder / "logs" / "benchmarks").parts[0].removesuffix(".tsv")
        with path.open() as file:
            for line in csv.DictReader(file, delimiter="\t"):
                parts[rule].append(
                    (number(line["s"]), number(line["cpu_time"]), number(line["max_rss"]))
                )
    for rule, of in sorted(parts.items()):
        wall, cpu, mb = np.array(of).T
        found[rule] = (float(wall.sum()), float(cpu.sum()), float(mb.max()))
    return found


def number(text: str) -> float:
    """Return a number of a benchmark file of Snakemake; NaN where there is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def children() -> float:
    """Processor seconds of the processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# Comparing -------------------------------------------------------------------------------------


def compared(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> str:
    """Return in words how much the answers of the two trees differ."""
    if "space" in before and "space" in after:
        return f"spaces: smallest correlation {least_correlation(before, after):.5f}"
    if "key" in before and "key" in after:
        before, after = matched(before, after)
    found = []
    for title in before:
        one, two = before[title], after.get(title)
        if two is None or one.shape != two.shape or title == "key":
            continue
        if one.dtype.kind == "U":
            from sklearn.metrics import adjusted_rand_score

            sizes = len(set(one.tolist())), len(set(two.tolist()))
            score = adjusted_rand_score(one, two)
            found.append(f"{title}s {sizes[0]} and {sizes[1]}, Rand {score:.3f}")
            continue
        both = np.isfinite(one) & np.isfinite(two)
        if both.any():
            off = np.sqrt(np.mean(np.square(one[both] - two[both])))
            exact = np.array_equal(one, two, equal_nan=True)
            found.append(f"{title}: " + ("equal" if exact else f"r.m.s. {off:.3g}"))
    return "; ".join(found)


def matched(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return both answers at the keys that both have, in one order."""
    keys, one, two = np.intersect1d(before["key"], after["key"], return_indices=True)
    return (
        {k: v[one] for k, v in before.items()} | {"key": keys},
        {k: v[two] for k, v in after.items()} | {"key": keys},
    )


def least_correlation(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """Return the smallest canonical correlation of two spaces, NaN where cells differ."""
    if before["space"].shape != after["space"].shape:
        return float("nan")
    roots = [np.linalg.qr(a["space"] - a["space"].mean(0))[0] for a in (before, after)]
    return float(np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).min())


# Table -----------------------------------------------------------------------------------------


def lines_of(rows: dict[str, Row], trees: Trees) -> list[str]:
    """Return the lines of the table."""
    old, new = trees
    head = f"{'stage':28}{'s':>9}{'now':>9}{'ratio':>8}{'CPU s':>9}{'now':>9}{'ratio':>8}"
    lines = [head + f"{'MB':>7}{'now':>7}  answers"]
    for title, row in rows.items():
        cells = ""
        for of in (row.wall, row.cpu):
            one, two = np.array(of[old]), np.array(of[new])
            ratio = np.median(one / np.maximum(two, 1e-9))
            cells += f"{np.median(one):9.2f}{np.median(two):9.2f}{ratio:7.2f}x"
        mb = "".join(
            f"{np.nanmedian(row.mb[n]) if np.isfinite(row.mb[n]).any() else np.nan:7.0f}"
            for n in (old, new)
        )
        lines.append(f"{title:28}{cells}{mb}  {row.answers}".rstrip())
    return lines


def main(argv: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    from _against import STAGES

    known = [*STAGES, "workflow"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rev", help="commit to compare with")
    parser.add_argument("--stages", nargs="+", choices=known, default=list(DEFAULT))
    parser.add_argument("--rounds", type=int, default=3, help="how often each tree runs a stage")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of kang_ifnb.h5ad")
    parser.add_argument("--name", help="keep the table as results/against-NAME-pyXYZ.txt")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    rows: dict[str, Any] = {}
    with checkout(args.rev) as tree, tempfile.TemporaryDirectory(prefix="against-data-") as place:
        trees, folder = {args.rev: tree, "now": ROOT}, Path(place)
        make_data(folder, args.stages, args.data)
        for stage in args.stages:
            if stage == "workflow":
                rows |= run_workflow(trees, args.rounds)
            else:
                rows |= run_stage(stage, trees, folder, args.rounds)
        lines = lines_of(rows, trees)
    title = f"This tree against {args.rev}, median of {args.rounds}; ratio above 1: faster now"
    if args.name:
        publish(f"against-{args.name}", title, lines)
    else:
        sys.stdout.write("\n".join([title, "", *lines, ""]))


if __name__ == "__main__":
    main()
