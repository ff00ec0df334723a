"""cgmm beside other methods: real data with a known change, a joint simulation, time and memory.

    python benchmarks/compare.py [--part shift,joint,milo,propeller,speed,figure] [--methods a,b]
                                 [--replicates 5] [--seeds 1] [--cells 14000,100000,1000000]
                                 [--cases a,b] [--work FOLDER] [--data ../shared/data]
                                 [--bench ../shared/bench] [--limit 3600] [--answered]

Each method runs in an environment of its own, made by uv from the pinned packages of
``rivals/requirements`` in ``FOLDER/envs``; its call is in ``rivals/by_*.py``. Jobs and answers stay
in ``FOLDER``, so that a run that was stopped goes on, and a method that was added runs alone. No
method sees labels. ``--answered`` asks nobody and reads what is there. Figures are kept in
``rivals/summary.tsv``: those of a method that runs anew replace its own, all others stay, and of
cgmm the commit is kept as well. The tables under ``results`` are written from it, and so is
``docs/images/rivals.svg`` (``--part figure``).

shift
    Cases of the shift benchmark. row: error (root mean square, log2) of the rows that hold 2 % of
    the cells of a side (populations of cgmm, clusters, components) against the label of most of
    their cells, donors counted equally; methods that tell cells or neighbourhoods are read in
    Leiden clusters of the space they work in. source: the same of the rows that hold 2 % of the
    source cells, against the label of most of those, which leaves out what appears. mean, median:
    of the mean factor and of the median cell of a label. rows, purity: how many rows are scored,
    and the part of all cells that carry the main label of their row. CPU s: processor seconds, one
    thread, compilation left out where an earlier case had it.
joint
    Two groups of donors, shares changed (two types exchange theirs, factors 2 and 1/2) or not,
    states changed (every type moves 4 standard deviations in a direction of its own) or not,
    in Gaussian subpopulations (``_donor_cases.py``) and in types of real cells
    (``_real_cells.py``). alarms: rows with p < .05 of those that did not change. found: changed
    types that are found (Simes' p below .05 over the rows of which most cells are of it, of the
    right sign). cover: of 95 % intervals, of methods that have some. In brackets the standard
    error, replicates being the unit. CNA and Kompot call cells, at a false discovery rate and by a
    limit of the factor: their alarms are called cells of unchanged types. scCODA has credible
    changes in place of p (expected false discovery rate .05).
milo
    The protocol of Dann et al. (2022) as Yi et al. (2024) repeat it: conditions are drawn for real
    control cells, by a probability that is raised around one type. AUPRC and AUROC of the cells
    whose probability is raised, by their factor, without and with an offset of batches.
propeller
    The null and the changed shares of Phipson et al. (2022), counts only: type I and power of the
    test that cgmm makes of labels beside propeller's.
speed
    Made cells in 30 dimensions, six donors a side; each method and size in a fresh process, which
    ends after ``--limit`` processor seconds, and then no more cells are tried. CPU s: one thread,
    compilation included. beyond: memory beyond what the process held before.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from _accuracy import BENCH, extra_cases, load_shiftbench
from _common import DATA, publish
from _peer_protocols import milo_jobs, of_cells, propeller_table
from _rivals import (
    ABSENT,
    LABELS,
    METHODS,
    OURS,
    Answer,
    Job,
    Truth,
    ask,
    cell_scores,
    cost,
    pinned,
    row_scores,
    test_scores,
)
from _rivals_figure import draw
from _rivals_store import SUMMARY, WHY, reasons, together
from _rivals_store import keep as store
from _rivals_tables import (
    costs,
    joint_shares,
    joint_table,
    milo_scores,
    milo_table,
    shift_cases,
    shift_summary,
    shift_table,
    speed_table,
)

PARTS = ("shift", "joint", "milo", "propeller", "speed", "figure")
# figures of the answers, how they are written, and the part of the kept figures
TABLES = {
    "shift": (shift_cases, shift_table, "shift case"),
    "joint": (joint_shares, joint_table, "joint"),
    "milo": (milo_scores, milo_table, "milo"),
    "speed": (costs, speed_table, "speed"),
}
REPLICATES, SEEDS, CELLS = 5, 1, (14_000, 100_000, 1_000_000)
SHIFT = 4.0
SIMULATED = [(n, s, c) for n in (3, 6) for s in (0.0, SHIFT) for c in (0.0, 1.0)]
KINDS = ("gaussian", "real cells")
SLOW = 3600  # processor seconds for a method and size of the speed part


# Jobs ------------------------------------------------------------------------------------


def shift_jobs(args: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """Write the cases of the shift benchmark."""
    bench = load_shiftbench(args.bench)
    known = {**bench.cases.CASES, **extra_cases(bench)}
    chosen = args.cases.split(",") if args.cases else list(bench.cases.CASES)
    jobs = []
    for name in chosen:
        for seed in range(args.seeds if known[name].seeded else 1):
            path = folder / f"{name}-{seed}.npz"
            if not path.is_file():
                case = known[name].make(args.data, seed)
                donor = case.adata.obs[case.donor_key].astype(str).to_numpy()
                names = np.unique(case.labels)
                truth = Truth(case.labels, names, np.full(len(names), np.nan))
                points = np.asarray(case.x, np.float32)
                # cgmm takes 20 principal components by default; all methods take as many
                points = points[:, :20] if case.rep == "X_pca" else points
                write(path, Job(points, case.is_target, donor, seed), truth)
            jobs.append({"case": name, "seed": seed, "path": path})
    return jobs


def joint_jobs(args: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """Draw the joint simulation."""
    import _donor_cases
    import _real_cells

    jobs = []
    for kind in KINDS:
        if kind == "real cells" and not (args.data / "kang_ifnb.h5ad").is_file():
            sys.stderr.write("joint, real cells: not run, needs kang_ifnb.h5ad\n")
            continue
        for donors, shift, change in SIMULATED:
            for seed in range(args.replicates):
                name = f"{kind.split()[0]}-{donors}-{shift:g}-{change:g}-{seed}"
                path = folder / f"{name}.npz"
                if not path.is_file():
                    if kind == "gaussian":
                        setting = _donor_cases.Setting(
                            _donor_cases.SIMULATION, donors, shift, change
                        )
                        case = _donor_cases.draw(setting, seed, data=args.data)
                    else:
                        plan = _real_cells.Plan(donors, donors, shift, change)
                        case = _real_cells.draw(plan, 300 + seed, data=args.data)
                    write(path, *of_case(case, seed))
                about = {"kind": kind, "donors": donors, "shift": shift, "change": change}
                jobs.append({**about, "seed": seed, "path": path})
    return jobs


def of_case(case: SimpleNamespace, seed: int) -> tuple[Job, Truth]:
    """Turn a drawn case into a job and its truth."""
    target = np.repeat([False, True], [len(x) for x in case.points])
    points = np.concatenate(case.points).astype(np.float32)
    donors = np.concatenate(case.donors).astype(str)
    labels = np.concatenate(case.labels)
    names = np.arange(len(case.log2_net))
    return Job(points, target, donors, seed), Truth(labels, names, np.asarray(case.log2_net))


def speed_jobs(args: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """Make cells of two conditions."""
    import cgmm as cg

    jobs = []
    for n in args.cells:
        path = folder / f"speed-{n}.npz"
        if not path.is_file():
            drawn = cg.simulate.points(
                n_components=20,
                n_dims=30,
                n_cells=n // 2,
                n_donors=6,
                shift=1.0,
                log2_change=[1.0, -1.0, *[0.0] * 18],
                donor_share_sd=0.3,
                donor_mean_sd=0.1,
            )
            names = np.asarray(drawn.truth["names"]).astype(str)
            truth = Truth(names[drawn.component], names, drawn.truth["log2_net"])
            job = Job(
                drawn.points.astype(np.float32),
                drawn.condition == "target",
                drawn.donor.astype(str),
            )
            write(path, job, truth)
        jobs.append({"cells": n, "path": path})
    return jobs


def write(path: Path, job: Job, truth: Truth) -> None:
    """Write a job and, beside it, its truth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    truth.save(path.with_suffix(".truth.npz"))
    job.save(path)


# Answers ---------------------------------------------------------------------------------


def answered(
    args: argparse.Namespace,
    jobs: list[dict[str, object]],
    scores: Callable[[Job, Truth, Answer], dict[str, float]],
    part: str,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Have all methods answer all jobs; scores of each, and why a method has none.

    Parameters
    ----------
    args
        Of the command line.
    jobs
        Facts of every job, with its ``path``.
    scores
        Of one answer.
    part
        Methods that cannot answer this part are not asked.
    """
    rows, why = [], {}
    for method in args.methods:
        if part in METHODS[method].cannot:
            continue
        pairs = [(j["path"], answer_of(args, method, j["path"])) for j in jobs]
        if METHODS[method].paired_only:
            pairs = [(j, a) for j, a in pairs if Job.load(j).paired]
        limit = args.limit if part == "speed" else None
        # of the speed part every job has a process of its own
        for group in [[p] for p in pairs] if limit else [pairs]:
            if args.answered:
                continue
            reason = ask(method, group, args.work / "envs", limit)
            if reason:
                cells = group[0][0].stem.split("-")[1] if limit else ""
                why[method] = f"{int(cells):,} cells: {reason}" if limit else reason
                break
        for facts in jobs:
            found = read(args, method, facts["path"], scores)
            if found:
                about = {n: v for n, v in facts.items() if n != "path"}
                rows.append({"method": method, **about, **found})
    rows = pd.DataFrame(rows)
    return rows, {**why, **failed(rows)}


def failed(rows: pd.DataFrame) -> dict[str, str]:
    """Say of each method that failed how often, and why."""
    if "failed" not in rows:
        return {}
    found = {}
    for method, own in rows[rows["failed"].notna()].groupby("method", sort=False):
        n, of = len(own), int((rows["method"] == method).sum())
        found[str(method)] = f"failed in {n} of {of}: {own['failed'].iloc[0]}"
    return found


def read(
    args: argparse.Namespace,
    method: str,
    job: Path,
    scores: Callable[[Job, Truth, Answer], dict[str, float]],
) -> dict[str, object]:
    """Score one answer; a sentence in ``failed`` where there is none, nothing before it ran."""
    answer = answer_of(args, method, job)
    failed = answer.with_suffix(".failed")
    if failed.is_file():
        return {"failed": failed.read_text().strip()}
    if not answer.is_file():
        return {}
    truth = Truth.load(job.with_suffix(".truth.npz"))
    return scores(Job.load(job), truth, Answer.load(answer))


def answer_of(args: argparse.Namespace, method: str, job: Path) -> Path:
    """File of the answer of a method to a job."""
    return args.work / "answers" / method / job.parent.name / job.name


def labels_rows(jobs: list[dict[str, object]]) -> pd.DataFrame:
    """Test the true labels, which no method sees, as a reference."""
    from _clusters import of_clusters

    rows = []
    for about in jobs:
        job, truth = Job.load(about["path"]), Truth.load(about["path"].with_suffix(".truth.npz"))
        facts = {n: v for n, v in about.items() if n != "path"}
        found = test_scores(job, truth, of_clusters(job, truth.labels))
        rows.append({"method": LABELS, **facts, **found})
    return pd.DataFrame(rows)


# Command line ----------------------------------------------------------------------------


def keep(
    args: argparse.Namespace, part: str, title: str, rows: pd.DataFrame, why: dict[str, str]
) -> None:
    """Put new figures beside the kept ones; print the table, and keep both.

    A run of some cases is printed and not kept.
    """
    figures, write, stored = TABLES[part]
    figured = figures(rows) if len(rows) else rows
    found = together(stored, figured, anew=not args.answered)
    reason = reasons(part, why, set(found["method"]), asked=set(args.methods))
    lines = write(found, reason)
    if args.cases:
        sys.stdout.write("\n".join([title, "some cases, not kept", "", *lines, ""]))
        return
    versions = [f"{METHODS[m].label}: {pinned(m)}" for m in METHODS if m != OURS]
    absent = [f"{name}: not run: {why_not}" for name, why_not in ABSENT.items()]
    ours = found.loc[found["method"] == OURS, "code"].dropna().unique()
    head = [f"cgmm: commit {', '.join(ours)}", *versions, *absent]
    command = f"python benchmarks/compare.py --part {part}"
    first = [command, "what the columns mean: head of the script", ""]
    publish(f"compare-{part}", title, [*first, *head, "", *lines])
    parts = {stored: found, f"{part} {WHY}": reason}
    if part == "shift":
        parts["shift"] = shift_summary(found)
    store(parts)


def run(args: argparse.Namespace, part: str) -> None:
    """Run one part."""
    folder = args.work / "jobs" / part
    if part == "figure":
        draw(pd.read_csv(SUMMARY, sep="\t"), {m: r.label for m, r in METHODS.items()})
    elif part == "propeller":
        command = "python benchmarks/compare.py --part propeller"
        lines = [command, "what the columns mean: head of the script", "", *propeller_table()]
        publish("compare-propeller", "propeller's protocol: share of p below .05", lines)
    elif part == "shift":
        bench = load_shiftbench(args.bench)
        rows, why = answered(
            args,
            shift_jobs(args, folder),
            lambda j, t, a: {**cell_scores(bench, j, t, a), **row_scores(j, t, a), **cost(a)},
            part,
        )
        keep(args, part, "Net factors on real data, labels hidden", rows, why)
    elif part == "joint":
        jobs = joint_jobs(args, folder)
        rows, why = answered(args, jobs, test_scores, part)
        rows = pd.concat([labels_rows(jobs), rows], ignore_index=True)
        keep(args, part, "Joint simulation: shares, states, donors", rows, why)
    elif part == "milo":
        rows, why = answered(args, milo_jobs(args.data, folder), of_cells, part)
        keep(args, part, "Milo's protocol, cells of Kang et al.", rows, why)
    else:
        jobs = speed_jobs(args, folder)
        rows, why = answered(args, jobs, lambda _j, _t, a: cost(a), part)
        keep(args, part, "Time and memory by number of cells", rows, why)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of seeded cases")
    parser.add_argument("--cases", help="comma-separated; default: the development cases")
    parser.add_argument("--cells", default=",".join(map(str, CELLS)), help="comma-separated")
    parser.add_argument("--work", type=Path, help="folder of environments, jobs and answers")
    parser.add_argument(
        "--limit", type=int, default=SLOW, help="processor seconds for a size of the speed part"
    )
    parser.add_argument("--answered", action="store_true", help="ask nobody, read the answers")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of .h5ad files")
    parser.add_argument("--bench", type=Path, default=BENCH, help="folder that holds shiftbench")
    args = parser.parse_args(argv)
    args.part, args.methods = args.part.split(","), args.methods.split(",")
    args.cells = [int(n) for n in args.cells.split(",")]
    args.work = args.work or Path(tempfile.mkdtemp(prefix="rivals-"))
    for name, known, asked in (("part", PARTS, args.part), ("method", METHODS, args.methods)):
        if strangers := [x for x in asked if x not in known]:
            parser.error(f"{strangers[0]!r} is no {name}; there are {', '.join(known)}")
    return args


def main(argv: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    args = parse(argv)
    warnings.simplefilter("ignore", FutureWarning)
    for part in args.part:
        run(args, part)


if __name__ == "__main__":
    main()
