"""Answer jobs by one method, in the environment of that method.

    python benchmarks/rivals/worker.py METHOD JOB ANSWER [JOB ANSWER ...]

A failure is a result, too: ``ANSWER`` with the ending ``.failed`` holds its sentence.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from _job import Answer, Job

METHODS = {
    "cgmm": "by_cgmm",
    "clusters": "by_clusters",
    "harmony_clusters": "by_clusters",
    "harmony_l1_clusters": "by_clusters",
    "milo": "by_milo",
    "harmony_milo": "by_milo",
    "milo_mixed": "by_milo",
    "sccoda": "by_sccoda",
    "meld": "by_meld",
    "harmony_meld": "by_meld",
    "cna": "by_cna",
    "kompot": "by_kompot",
    "lemur": "by_lemur",
    "pot": "by_mixtures",
    "scegot": "by_mixtures",
    "moscot": "by_moscot",
}


def resident() -> float:
    """Memory of this process now, in MB; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return float("nan")
    line = next(s for s in status.read_text().splitlines() if s.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def answer(method: str, job: Job) -> Answer:
    """Ask a method; the answer has its cost."""
    call = getattr(importlib.import_module(METHODS[method]), method)
    before = resident()
    wall, used = time.perf_counter(), time.process_time()
    found = call(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found.cost = {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - used,
        "peak": peak / (1024 if sys.platform == "linux" else 2**20),
        "before": before,
    }
    found.cell = np.asarray(found.cell, float)
    return found


def main(argv: list[str]) -> None:
    """Answer all jobs of the command line."""
    method, *paths = argv
    for job_path, answer_path in zip(map(Path, paths[::2]), map(Path, paths[1::2]), strict=True):
        try:
            answer(method, Job.load(job_path)).save(answer_path)
        except Exception as error:  # noqa: BLE001 -- a failed method is a result
            traceback.print_exc()
            answer_path.parent.mkdir(parents=True, exist_ok=True)
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            answer_path.with_suffix(".failed").write_text(text + "\n")
        sys.stderr.write(f"{method} {job_path.stem}\n")
    sys.stderr.flush()
    # workers of some packages would wait for a helper of their own for ever
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
