"""Shared by the benchmarks: versions, machine, timing, a table that is printed and kept."""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"


def timed(call: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Return the shortest wall time of some calls, and the last answer."""
    best, answer = float("inf"), None
    for _ in range(repeats):
        began = time.perf_counter()
        answer = call()
        best = min(best, time.perf_counter() - began)
    return best, answer


def machine() -> str:
    """Cores that this process may use, and memory of the machine."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"machine: {cores} {'core' if cores == 1 else 'cores'}, {memory:.0f} GiB memory"


def publish(name: str, title: str, lines: list[str]) -> None:
    """Print a table and keep it, with date, versions and machine, under ``results``."""
    packages = ", ".join(f"{p} {version(p)}" for p in ("jax", "jaxlib", "numpy", "scikit-learn"))
    python = platform.python_version()
    head = [title, f"{datetime.date.today()}, Python {python}, {packages}", machine(), ""]
    text = "\n".join([*head, *lines, ""])
    sys.stdout.write(text)
    major = "".join(python.split(".")[:2])
    (HERE / "results" / f"{name}-py{major}.txt").write_text(text)
