"""SIGKILL of whole runs at random moments; then the same command again, as a user would type it.

python benchmarks/kills.py [--kills 20] [--seed 0] [--demo]

A run is started in a process group of its own, and after a random part of the time of an
undisturbed run the whole group is killed. Then the state is looked at: every file under its final
name must be whole, and a table must hold the bytes of the undisturbed run. Then the same command
is typed again; when Snakemake says that the folder is locked, ``snakemake --unlock`` comes
first. It is killed again and again until it comes to its end before the next kill; then all tables
are compared, and the next folder begins.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anndata as ad
import numpy as np
from _common import publish
from _project import Study, new_study, write_data

CORES = ("--cores", "2", "--rerun-incomplete")
LOCKED = "cannot be locked"
MOST = 6  # kills in one folder; then it may come to its end


@dataclass
class Tally:
    """What happened in all."""

    kills: int = 0
    folders: int = 0
    locked: int = 0
    freed: int = 0
    leftovers: int = 0
    whole: int = 0
    broken: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)


def broken(path: Path) -> str | None:
    """Say why a file under its final name is not whole."""
    try:
        if path.suffix == ".h5ad":
            ad.read_h5ad(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                for name in arrays:
                    arrays[name]
        elif path.suffix == ".html" and not path.read_text().rstrip().endswith("</html>"):
            return f"{path}: no end"
    except Exception as error:  # noqa: BLE001
        return f"{path}: {type(error).__name__}: {error}"
    return None


def look(study: Study, truth: dict[str, bytes], tally: Tally) -> None:
    """Check what a killed run left behind."""
    for folder in ("results", "reports"):
        for path in (study.folder / folder).rglob("*"):
            if not path.is_file():
                continue
            if ".part" in path.name:
                tally.leftovers += 1
                continue
            tally.whole += 1
            if words := broken(path):
                tally.broken.append(words)
    for name, content in study.tables().items():
        if content != truth[name]:
            tally.different.append(f"{name} after a kill")


def working(study: Study) -> str:
    """Name the step that a run was in when it was killed, from the newest log."""
    logs = [*(study.folder / "logs").rglob("*.log")]
    if not logs:
        return "start"
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    return newest.relative_to(study.folder / "logs").parts[0].removesuffix(".log")


def attempt(study: Study, seconds: float) -> tuple[int | None, str]:
    """Run for some seconds, then kill; None when it was killed, and what it said."""
    console = study.folder / "console.txt"
    before = console.stat().st_size if console.is_file() else 0
    with study.running(*CORES) as process:
        try:
            status: int | None = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            status = None
    return status, console.read_bytes()[before:].decode("utf-8", "replace")


def one_folder(
    study: Study, truth: dict[str, bytes], seconds: float, chance: random.Random, tally: Tally
) -> None:
    """Kill runs in one folder until one comes to its end; compare the tables."""
    tally.folders += 1
    kills = 0
    while True:
        patience = chance.uniform(0.02, 0.9) * seconds if kills < MOST else 100 * seconds
        status, text = attempt(study, patience)
        if status is None:
            kills += 1
            tally.moments[working(study)] += 1
            look(study, truth, tally)
        elif status != 0 and LOCKED in text:
            tally.locked += 1
            tally.freed += "--unlock" in text and study.run("--unlock")[0] == 0
        else:
            break
    tally.kills += kills
    if status != 0:
        tally.failed.append(f"exit status {status} in {study.folder.name}: {text[-1500:]}")
    found = study.tables()
    tally.different += [n for n in truth.keys() | found.keys() if truth.get(n) != found.get(n)]
    left = [p for p in (study.folder / "results").rglob(".*") if ".part" in p.name]
    tally.failed += [f"left behind: {path.name}" for path in left]


def main() -> None:
    """Measure an undisturbed run, then disturb."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--demo", action="store_true", help="the demo in place of a small study")
    options = parser.parse_args()
    chance, tally = random.Random(options.seed), Tally()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        data = None if options.demo else write_data(base / "cells.h5ad")
        calm = new_study(base / "calm", data)
        began = time.monotonic()
        status, text = calm.run(*CORES)
        seconds = time.monotonic() - began
        if status != 0:
            raise SystemExit(text)
        truth = calm.tables()
        while tally.kills < options.kills:
            study = new_study(base / f"study{tally.folders}", data)
            one_folder(study, truth, seconds, chance, tally)
    what = "the demo" if options.demo else "a study of 600 cells, six samples"
    lines = [
        f"undisturbed run: {seconds:.0f} s, {len(truth)} tables; seed {options.seed}",
        f"kills: {tally.kills} in {tally.folders} folders",
        "killed in: " + ", ".join(f"{k} {n}" for k, n in sorted(tally.moments.items())),
        f"found locked: {tally.locked}; freed by what the message says: {tally.freed}",
        f"files under their final name seen after a kill: {tally.whole}, not whole: "
        f"{len(tally.broken)}; unfinished files under a temporary name: {tally.leftovers}",
        f"tables that differ: {len(tally.different)}",
        f"other failures: {len(tally.failed)}",
        *tally.broken,
        *tally.different,
        *tally.failed,
    ]
    name = "kills-demo" if options.demo else "kills"
    publish(name, f"SIGKILL of whole runs at random moments: {what}", lines)


if __name__ == "__main__":
    main()
