"""Damaged and hostile files, thousands of them, given to everything that reads a user's file.

python benchmarks/fuzz.py [--inputs 10000] [--seed 0] [--workers 2] [--seconds 20]

Every input is made from the seed and its number alone, so that a fault can be had again. Readers
run in processes of their own with limited memory; one that crashes, or does not answer within some
seconds of processor time (ten times as many on the clock), is counted, killed and replaced. In the
workflow a child looks at every file first (cgmm.pp.check_readable); where it names the file on
which a reader was lost, the input counts as "guarded".
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

MEMORY = 4 * 2**30  # beyond what the packages map themselves
UNCAUGHT, HANG, CRASH, GUARDED = "uncaught", "hang", "crash", "guarded"
COLUMNS = ("refused", "accepted", GUARDED, UNCAUGHT, HANG, CRASH)


@dataclass
class Tally:
    """Outcomes by kind, and the faults in words."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, kind: str, number: int, outcome: str, words: str, seconds: float) -> None:
        """Count one input."""
        self.outcomes.setdefault(kind, Counter())[outcome] += 1
        self.slowest = max(self.slowest, seconds)
        if outcome in (UNCAUGHT, HANG, CRASH):
            self.faults.append(f"{kind}, number {number}: {outcome} {words}")
            sys.stderr.write(f"{self.faults[-1]}\n")

    def total(self, *outcomes: str) -> int:
        """Count inputs with one of some outcomes."""
        return sum(counts[o] for counts in self.outcomes.values() for o in outcomes)


def plan(n_inputs: int) -> list[tuple[str, int]]:
    """Kinds and numbers of all inputs, in the shares of the kinds."""
    from _fuzz import KINDS

    cases = [(k, i) for k, (_, share, _) in KINDS.items() for i in range(round(share * n_inputs))]
    return cases[:n_inputs]


def work(pipe: Connection, seed: int) -> None:
    """Answer cases until there are no more."""
    import warnings

    from _fuzz import KINDS, write_seeds

    warnings.simplefilter("ignore")
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        write_seeds(folder)
        pipe.send(folder)
        while (case := pipe.recv()) is not None:
            kind, number = case
            try:
                outcome, words = (
                    KINDS[kind][2](folder, random.Random(f"{seed} {kind} {number}")),
                    "",
                )
            except Exception as error:  # noqa: BLE001
                last = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(last.filename).name}:{last.lineno}"
                outcome, words = UNCAUGHT, f"{type(error).__name__} at {place}: {error}"[:300]
            pipe.send((outcome, words))
        os.chdir("/")


class Worker:
    """A process with a case in hand."""

    def __init__(self, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.folder: Path = self.pipe.recv()
        self.case: tuple[str, int] | None = None
        self.began = self.used = 0.0

    def give(self, case: tuple[str, int] | None) -> None:
        """Hand over the next case, or None to end."""
        self.case, self.began, self.used = case, time.monotonic(), self.processor_time()
        self.pipe.send(case)

    def processor_time(self) -> float:
        """Return seconds of processor time so far, which other programs do not lengthen."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def lost(self, outcome: str) -> str:
        """Name the outcome of a case on which the reader was lost: told by the workflow or not."""
        from _fuzz import guarded

        path = self.folder / "spoiled.h5ad"
        return GUARDED if path.is_file() and guarded(path) else outcome

    def end(self) -> None:
        """Stop at once."""
        self.process.kill()
        self.process.join()


def run(n_inputs: int, *, seed: int = 0, workers: int = 2, seconds: float = 20.0) -> Tally:
    """Give all inputs to the readers."""
    tally, cases = Tally(), plan(n_inputs)[::-1]
    busy = [Worker(seed) for _ in range(workers)]
    for worker in busy:
        worker.give(cases.pop())
    while busy:
        ready = wait([w.pipe for w in busy], timeout=1.0)
        for place, worker in enumerate(list(busy)):
            spent = time.monotonic() - worker.began
            assert worker.case is not None
            if worker.pipe in ready:
                try:
                    outcome, words = worker.pipe.recv()
                    tally.add(*worker.case, outcome, words, spent)
                except EOFError:
                    worker.process.join()
                    words = f"exit status {worker.process.exitcode}"
                    tally.add(*worker.case, worker.lost(CRASH), words, spent)
                    busy[place] = worker = Worker(seed)
            elif (used := worker.processor_time() - worker.used) > seconds or spent > 10 * seconds:
                words = f"after {spent:.0f} s, {used:.0f} s of them at work"
                worker.end()
                tally.add(*worker.case, worker.lost(HANG), words, spent)
                busy[place] = worker = Worker(seed)
            else:
                continue
            if cases:
                worker.give(cases.pop())
            else:
                worker.end()
                worker.case = None
        busy = [worker for worker in busy if worker.case is not None]
    return tally


def table(tally: Tally) -> list[str]:
    """Write the counts as a table."""
    from _fuzz import KINDS

    lines = [f"{'':40}{'inputs':>8}" + "".join(f"{name:>10}" for name in COLUMNS)]
    for kind, counts in tally.outcomes.items():
        cells = "".join(f"{counts[name]:>10,}" for name in COLUMNS)
        lines.append(f"{KINDS[kind][0]:40}{counts.total():>8,}{cells}")
    cells = "".join(f"{tally.total(name):>10,}" for name in COLUMNS)
    return [*lines, f"{'all':40}{tally.total(*COLUMNS):>8,}{cells}"]


def main() -> None:
    """Run, and publish the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    tally = run(options.inputs, seed=options.seed, workers=options.workers, seconds=options.seconds)
    from _common import publish

    head = (
        f"seed {options.seed}; limits: {options.seconds:g} s and {MEMORY // 2**30} GB per input; "
        f"slowest input: {tally.slowest:.1f} s"
    )
    publish("fuzz", "Damaged and hostile files", [head, "", *table(tally), *tally.faults])


if __name__ == "__main__":
    main()
