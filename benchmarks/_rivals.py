"""Shared by the comparison with other methods: environments, jobs, answers and their scores."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

RIVALS = Path(__file__).resolve().parent / "rivals"
sys.path.insert(0, str(RIVALS))

from _clusters import one_hot  # noqa: E402
from _job import Answer, Job  # noqa: E402

OURS, LABELS = "cgmm", "true labels"
OWN = "own"  # the environment of this process
ROOT = RIVALS.parents[1]
PURE, MIN_SHARE, UNCHANGED, ALPHA = 0.5, 0.02, 0.05, 0.05
FAR = 1.0  # twofold


@dataclass(frozen=True)
class Rival:
    """A method, its environment, and the packages of it that a table names."""

    label: str
    environment: str
    packages: tuple[str, ...] = ()
    paired_only: bool = False
    cannot: dict[str, str] = field(default_factory=dict)  #: part and why it is not asked there


UNTESTED = {"joint": "has no test, so no false alarms can be counted"}
FACTORLESS = {"shift": "gives correlations, not factors"}
UNPAIRED = dict.fromkeys(
    ("joint", "milo", "speed"), "needs donors with several samples; every donor has one here"
)

METHODS = {
    OURS: Rival("cgmm", OWN),
    "clusters": Rival("clusters, propeller", "clusters", ("scanpy", "leidenalg")),
    "harmony_clusters": Rival("Harmony, clusters, propeller", "clusters", ("harmonypy",)),
    "harmony_l1_clusters": Rival(
        "Harmony (λ = 1), clusters, propeller", "clusters", ("harmonypy",)
    ),
    "milo": Rival("Milo", "pertpy", ("pertpy", "pydeseq2")),
    "harmony_milo": Rival("Harmony (λ = 1), Milo", "pertpy", ("pertpy", "harmonypy")),
    "milo_mixed": Rival(
        "Milo, random donor", "pertpy", ("pertpy",), paired_only=True, cannot=UNPAIRED
    ),
    "sccoda": Rival("Harmony, clusters, scCODA", "pertpy", ("pertpy",)),
    "meld": Rival("MELD", "meld", ("meld",), cannot=UNTESTED),
    "harmony_meld": Rival("Harmony (λ = 1), MELD", "meld", ("meld", "harmonypy"), cannot=UNTESTED),
    "cna": Rival("CNA", "cna", ("cna",), cannot=FACTORLESS),
    "kompot": Rival("Kompot", "kompot", ("kompot", "mellon")),
    "lemur": Rival("LEMUR, clusters, propeller", "lemur", ("pylemur",)),
    "pot": Rival("mixtures, POT", "pot", ("pot", "scikit-learn"), cannot=UNTESTED),
    "scegot": Rival("scEGOT", "scegot", ("scegot",), cannot=UNTESTED),
    "moscot": Rival("moscot", "moscot", ("moscot", "ott-jax"), cannot=UNTESTED),
}

# asked for, and not run
ABSENT = {
    "MrVI": "scvi-tools installs, but MrVI reads counts and trains a network for each case",
    "scDist": "an R package that the registry does not have, and there is no port in it",
    "OTT, pair of mixtures": "its fit is compared in the page on numerics; it has no donors",
}


# Environments ----------------------------------------------------------------------------


def requirements(environment: str) -> Path:
    """File with the pinned packages of an environment."""
    return RIVALS / "requirements" / f"{environment}.txt"


def pinned(method: str) -> str:
    """Versions of the packages of a method, as they are pinned."""
    rival = METHODS[method]
    if rival.environment == OWN:
        return ""
    lines = requirements(rival.environment).read_text().splitlines()
    found = dict(line.split("==") for line in lines if "==" in line)
    return ", ".join(f"{p} {found[p]}" for p in rival.packages)


def python_of(environment: str, folder: Path) -> Path:
    """Return the interpreter of an environment, which is made when it is not there.

    Raises
    ------
    RuntimeError
        When it cannot be made; the message is the reason.
    """
    if environment == OWN:
        return Path(sys.executable)
    python = folder / environment / "bin" / "python"
    done = folder / environment / ".ready"
    if done.is_file():
        return python
    file = requirements(environment)
    wanted = file.read_text().split("Python ", 1)[1].split(";", 1)[0]
    for command in (
        ["venv", "--quiet", "--clear", "--python", wanted, str(folder / environment)],
        ["pip", "install", "--quiet", "--python", str(python), "--no-deps", "-r", str(file)],
    ):
        made = subprocess.run(
            [sys.executable, "-m", "uv", *command], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise RuntimeError(f"not installed: {made.stderr.strip().splitlines()[-1]}")
    done.touch()
    return python


def ask(method: str, jobs: list[tuple[Path, Path]], folder: Path, limit: int | None = None) -> str:
    """Have a method answer jobs that have no answer yet; returns why it could not, or "".

    Parameters
    ----------
    method
        A name of ``METHODS``.
    jobs
        Files of jobs and of their answers.
    folder
        Of the environments.
    limit
        Processor seconds for all, which a busy machine does not shorten.
    """
    open_jobs = [
        (j, a) for j, a in jobs if not a.is_file() and not a.with_suffix(".failed").is_file()
    ]
    if not open_jobs:
        return ""
    try:
        python = python_of(METHODS[method].environment, folder)
    except RuntimeError as error:
        return str(error)
    paths = [str(p) for pair in open_jobs for p in pair]
    command = [str(python), str(RIVALS / "worker.py"), method, *paths]
    if limit:
        command = ["sh", "-c", f'ulimit -S -t {limit}; exec "$@"', "sh", *command]
    environment = {"PYTHONPATH": str(ROOT)} if METHODS[method].environment == OWN else {}
    done = subprocess.run(
        ["env", "-u", "PYTHONPATH", *(f"{k}={v}" for k, v in environment.items()), *command],
        check=False,
    )
    if done.returncode == -signal.SIGXCPU:
        return f"stopped after {limit} processor seconds"
    return f"ended with status {done.returncode}" if done.returncode else ""


# Truth and scores ------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What the methods are not shown."""

    labels: np.ndarray  #: (n_cells,)
    names: np.ndarray  #: (n_labels,)
    log2_net: np.ndarray  #: (n_labels,), NaN where only the cells say it

    def save(self, path: Path) -> None:
        """Write it."""
        words = {"labels": self.labels, "names": self.names}
        # no pickles
        words = {n: v.astype(str) if v.dtype == object else v for n, v in words.items()}
        np.savez(path, **words, log2_net=self.log2_net)

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read it."""
        with np.load(path) as f:
            return cls(f["labels"], f["names"], f["log2_net"])


def equal_donors(job: Job) -> np.ndarray:
    """Weights of the cells: donors count equally, each condition sums to one."""
    names, sample = np.unique(job.sample, return_inverse=True)
    size = np.bincount(sample)
    n_target = np.char.startswith(names, "b_target").sum()
    per_side = np.where(job.target, n_target, len(names) - n_target)
    return 1.0 / (size[sample] * per_side)


def cell_scores(bench: SimpleNamespace, job: Job, truth: Truth, answer: Answer) -> dict[str, float]:
    """Both scores of shiftbench: of the mean factor and of the median cell of a label."""
    if not answer.factor:
        return {"rmse": np.nan, "median": np.nan}
    case = SimpleNamespace(labels=truth.labels, is_source=~job.target, is_target=job.target)
    table = bench.score.estimate_table(case, np.asarray(answer.cell)[~job.target])
    found = bench.score.factor_scores(table)
    return {"rmse": found["rmse"], "median": found["rmse_median"]}


def row_scores(job: Job, truth: Truth, answer: Answer) -> dict[str, float | str]:
    """Error of the rows, by both definitions of ``_populations.scores``.

    The truth of a row is the log2 ratio of the shares, donors counted equally, of a label. ``row``:
    rows with 2 % of the cells of a side, the label that most of their cells of both sides carry.
    ``source``: rows with 2 % of the source cells, the label that most of those carry; a type that
    hardly is in the source has no row of it. A method that tells cells or neighbourhoods is read in
    clusters of the space it works in (mean over the cells).

    Returns
    -------
    row, source: errors; rows: how many ``row`` counts; purity: part of the cells with the main
    label of their row; far: sentences about rows of ``row`` that are off by more than ``FAR``.
    """
    member, log2 = answer.member, answer.log2
    if answer.groups is not None:
        member = one_hot(answer.groups)
        size = np.asarray(member.sum(axis=0)).ravel()
        log2 = np.asarray(member.T @ answer.cell) / size
    if member is None:
        return {"row": np.nan, "source": np.nan, "rows": np.nan, "purity": np.nan, "far": ""}
    weights, sides = equal_donors(job), (~job.target, job.target)
    names, code = np.unique(truth.labels, return_inverse=True)
    labels = one_hot(truth.labels)
    held = np.stack([(member.multiply((weights * s)[:, None]).T @ labels).toarray() for s in sides])
    half = np.array([0.5 / s.sum() for s in sides])
    share = np.stack([np.bincount(code, weights * s, labels.shape[1]) for s in sides])
    true = np.log2(share[1] + half[1]) - np.log2(share[0] + half[0])
    log2 = np.where(np.isfinite(log2), np.maximum(log2, np.log2(half[1])), np.nan)

    def error(cells: np.ndarray, main: np.ndarray) -> tuple[float, np.ndarray]:
        kept = np.flatnonzero((cells > MIN_SHARE) & np.isfinite(log2))
        off = log2[kept] - true[main[kept]]
        return (float(np.sqrt(np.mean(off**2))) if len(kept) else np.nan), kept

    both, size = held.sum(axis=0), held.sum(axis=2)
    main = both.argmax(axis=1)
    row, kept = error(size.max(axis=0), main)
    source, _ = error(size[0], held[0].argmax(axis=1))
    purity = float(both.max(axis=1).sum() / both.sum())
    far = [
        f"{names[main[k]]}: {log2[k]:.2f}, true {true[main[k]]:.2f}; row with "
        f"{100 * size[0, k]:.1f} % of source and {100 * size[1, k]:.1f} % of target cells, "
        f"type with {100 * share[0, main[k]]:.1f} and {100 * share[1, main[k]]:.1f} %"
        for k in kept
        if abs(log2[k] - true[main[k]]) > FAR
    ]
    scores = {"row": row, "source": source, "rows": len(kept), "purity": purity}
    return {**scores, "far": "; ".join(far)}


def test_scores(job: Job, truth: Truth, answer: Answer) -> dict[str, float]:
    """False alarms, power and coverage of one answer in a simulation: hits and numbers.

    Returns
    -------
    alarm, alarm_n
        Rows with p < .05, of the rows with a p whose own cells did not change (true factor within
        .05 of zero, in log2). Of a method that calls cells: called cells of unchanged labels.
    found, found_n
        Changed labels that are found: Simes' p of the rows of which most cells carry the label is
        below .05, rows of the wrong sign counting as 1; or more than half of its cells are called
        with the right sign.
    cover, cover_n
        Intervals that hold the true factor of the cells of a row, of all intervals.
    """
    changed = np.abs(truth.log2_net) > UNCHANGED
    code = np.searchsorted(truth.names, truth.labels)
    if answer.member is None and answer.called is None:
        return {}
    if answer.member is None:
        still = ~changed[code]
        hit = [
            np.mean(answer.called[code == k] == np.sign(truth.log2_net[k])) > 0.5
            for k in np.flatnonzero(changed)
        ]
        return {
            "alarm": float((answer.called[still] != 0).sum()),
            "alarm_n": int(still.sum()),
            "found": float(sum(hit)),
            "found_n": len(hit),
        }
    one = (code[:, None] == np.arange(len(truth.names))).astype(float)
    part = np.asarray(answer.member.T @ one)
    part /= np.maximum(part.sum(axis=1, keepdims=True), 1e-300)
    source = np.asarray(answer.member.multiply((~job.target)[:, None]).T @ one)
    source /= np.maximum(source.sum(axis=1, keepdims=True), 1e-300)
    with np.errstate(divide="ignore"):
        true = np.log2(source @ np.exp2(truth.log2_net))
    true = np.where(np.isfinite(true), true, truth.log2_net[part.argmax(axis=1)])
    p = np.full(len(true), np.nan) if answer.p is None else answer.p
    tested = np.isfinite(p)
    still = tested & (np.abs(true) < UNCHANGED)
    counts = {"alarm": int((p[still] < ALPHA).sum()), "alarm_n": int(still.sum())}
    hits = []
    for k in np.flatnonzero(changed):
        of = tested & (part.argmax(axis=1) == k) & (part.max(axis=1) > PURE)
        right = np.sign(answer.log2) == np.sign(truth.log2_net[k])
        hits.append(simes(np.where(right, p, 1.0)[of]) < ALPHA)
    counts |= {"found": int(sum(hits)), "found_n": len(hits)}
    if answer.low is not None:
        there = np.isfinite(answer.low) & np.isfinite(true)
        held = (answer.low <= true) & (true <= answer.high)
        counts |= {"cover": int(held[there].sum()), "cover_n": int(there.sum())}
    return counts if tested.any() else {}


def simes(p: np.ndarray) -> float:
    """Simes' p of several; 1 when there is none."""
    p = np.sort(p)
    return float(min(1.0, np.min(len(p) * p / np.arange(1, len(p) + 1)))) if len(p) else 1.0


def cost(answer: Answer) -> dict[str, float]:
    """Seconds, and memory beyond what the process held before, in MB."""
    beyond = answer.cost["peak"] - answer.cost["before"]
    return {"seconds": answer.cost["seconds"], "cpu": answer.cost["cpu"], "beyond": beyond}
