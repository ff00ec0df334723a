"""cgmm beside other methods: real data with a known change, a joint simulation, time and memory.

    python benchmarks/compare.py [--part shift,joint,milo,propeller,speed,figure] [--methods a,b]
                                 [--replicates 5] [--seeds 1] [--cells 14000,100000,1000000]
                                 [--cases a,b] [--work FOLDER] [--data ../shared/data]
                                 [--bench ../shared/bench] [--answered]

Each method runs in an environment of its own, made by uv from the pinned packages of
``rivals/requirements`` in ``FOLDER/envs``; its call is in ``rivals/by_*.py``. Jobs and answers stay
in ``FOLDER``, so that a run that was stopped goes on, and a method that was added runs alone. No
method sees labels. ``--answered`` asks nobody and reads what is there. A complete part is kept
under ``results``, its figures also in ``rivals/summary.tsv``, from which ``--part figure`` draws
``docs/images/rivals.svg``.

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
    Made cells in 30 dimensions, six donors a side; each method in a fresh process. beyond: memory
    beyond what the process held before.
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
from _accuracy import BENCH, extra_cases, load_shiftbench, number, table
from _common import DATA, publish
from _peer_protocols import milo_jobs, of_cells, propeller_table
from _rivals import (
    ABSENT,
    LABELS,
    METHODS,
    OURS,
    RIVALS,
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

PARTS = ("shift", "joint", "milo", "propeller", "speed", "figure")
SUMMARY = RIVALS / "summary.tsv"
OPTIONS = {"replicates": ("joint",), "seeds": ("shift",), "cells": ("speed",)}
REPLICATES, SEEDS, CELLS = 5, 1, (14_000, 100_000, 1_000_000)
SHIFT = 4.0
SIMULATED = [(n, s, c) for n in (3, 6) for s in (0.0, SHIFT) for c in (0.0, 1.0)]
KINDS = ("gaussian", "real cells")
ENDS = (".npz", ".failed")
SLOW = 3600.0  # seconds for a method and size of the speed part


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
    *,
    alone: bool = False,
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
    alone
        Whether every job has a process of its own.
    """
    rows, why = [], {}
    for method in args.methods:
        pairs = [(j["path"], answer_of(args, method, j["path"])) for j in jobs]
        if METHODS[method].paired_only:
            pairs = [(j, a) for j, a in pairs if Job.load(j).paired]
        for group in [[p] for p in pairs] if alone else [pairs]:
            if args.answered:
                continue
            reason = ask(method, group, args.work / "envs", SLOW if alone else None)
            if reason:
                why[method] = reason
        for facts in jobs:
            found = read(args, method, facts["path"], scores)
            if found:
                about = {n: v for n, v in facts.items() if n != "path"}
                rows.append({"method": method, **about, **found})
        if method not in why and not any(
            a.with_suffix(e).is_file() for _, a in pairs for e in ENDS
        ):
            why[method] = "not run this time"
    return pd.DataFrame(rows), why


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


# Tables ----------------------------------------------------------------------------------


def shift_table(rows: pd.DataFrame, why: dict[str, str]) -> tuple[list[str], pd.DataFrame]:
    """Write the worst case of every method, the best row error first, then every case."""
    scores = ["row", "source", "rmse", "median"]
    shown = [*scores, "rows", "purity", "cpu"]
    per_case = rows.groupby(["method", "case"], sort=False)[shown].mean()
    error = rows.groupby(["method", "case"], sort=False)["row"].sem()
    worst = per_case[scores].groupby("method").max(numeric_only=True)
    mean = per_case["row"].groupby("method").mean()
    # a case without a number counts as one without an answer
    complete = per_case["row"].groupby("method").count() == rows["case"].nunique()
    at = per_case["row"].dropna().groupby("method").idxmax()
    summary = []
    order = worst.assign(some=~complete).sort_values(["some", "row"]).index
    for method in order:
        case = at[method][1] if method in at.index else ""
        known = method in at.index
        summary.append(
            {
                "part": "shift",
                "method": method,
                "worst_row": worst["row"][method] if known else np.nan,
                "worst_case": case,
                "error": error.get((method, case), np.nan) if known else np.nan,
                "mean_row": mean[method],
                "worst_source": worst["source"][method],
                "worst_mean": worst["rmse"][method],
                "worst_median": worst["median"][method],
                "complete": bool(complete[method]),
            }
        )
    lines = [
        [
            METHODS[r["method"]].label + ("" if r["complete"] else " (some cases only)"),
            f"{number(r['worst_row'])} {r['worst_case']}",
            *(number(r[c]) for c in ("mean_row", "worst_source", "worst_mean", "worst_median")),
        ]
        for r in summary
    ]
    lines += failures(rows, why)
    head = ["method", "row, worst case", "row, mean"]
    head += [f"{score}, worst" for score in ("source", "mean", "median")]
    out = [*table(head, lines, left=2), ""]
    body = []
    for case, part in per_case.groupby("case", sort=False):
        for i, ((method, _), r) in enumerate(part.sort_values("row").iterrows()):
            start = [str(case) if i == 0 else "", METHODS[method].label]
            shown = [number(r[c]) for c in (*scores, "purity")]
            body.append([*start, *shown, number(r["rows"], 0), number(r["cpu"], 0)])
    head = ["case", "method", "row", "source", "mean", "median", "purity", "rows", "CPU s"]
    lines = [*out, *table(head, body, left=2)]
    own = rows[(rows["method"] == OURS) & (rows.get("far", "") != "")]
    if len(own):
        far = [[str(r["case"]), str(r["far"])] for r in own.to_dict("records")]
        lines += [
            "",
            *table(["case", "rows of cgmm that are off by more than twofold"], far, left=2),
        ]
    return lines, pd.DataFrame(summary)


def failures(rows: pd.DataFrame, why: dict[str, str]) -> list[list[str]]:
    """Say of each method that failed, or is not there, why."""
    found = dict(why)
    if "failed" in rows:
        for method, own in rows[rows["failed"].notna()].groupby("method", sort=False):
            n, of = len(own), int((rows["method"] == method).sum())
            found[method] = f"failed in {n} of {of}: {own['failed'].iloc[0]}"
    return [[METHODS[m].label, reason] for m, reason in found.items()]


COUNTS = {"alarms": "alarm", "found": "found", "cover": "cover"}


def with_error(own: pd.DataFrame, name: str) -> tuple[float, float]:
    """Share of hits, and its standard error with replicates as the unit."""
    if name not in own or own[f"{name}_n"].fillna(0).sum() == 0:
        return np.nan, np.nan
    hits, of = own[name].fillna(0), own[f"{name}_n"].fillna(0)
    share = hits.sum() / of.sum()
    off, m = hits - share * of, len(own)
    error = np.sqrt(m / (m - 1) * np.square(off).sum()) / of.sum() if m > 1 else np.nan
    return float(share), float(error)


def joint_table(rows: pd.DataFrame, why: dict[str, str]) -> tuple[list[str], pd.DataFrame]:
    """One line per method for every kind, number of donors and shift; shares changed or not.

    A replicate counts when it is answered with and without a change of shares.
    """
    summary = []
    one = ["method", "kind", "donors", "shift", "seed"]
    there = rows[rows["alarm"].notna()].groupby(one)["change"].transform("nunique")
    full = rows[there.reindex(rows.index) == rows["change"].nunique()]
    for (kind, donors, shift), part in full.groupby(["kind", "donors", "shift"], sort=False):
        for method, own in part.groupby("method", sort=False):
            about = {"part": "joint", "kind": kind, "donors": donors, "shift": shift}
            values = {}
            for shown, name in COUNTS.items():
                values[shown], values[f"{shown}_error"] = with_error(own, name)
            n = own["seed"].nunique()
            summary.append({**about, "method": method, **values, "replicates": n})
    found = pd.DataFrame(summary)
    found["excess"] = (found["alarms"] - 0.05).clip(lower=0)
    body = []
    for (kind, donors, shift), part in found.groupby(["kind", "donors", "shift"], sort=False):
        # the most found among the honest first
        part = part.assign(honest=part["alarms"].fillna(1) <= 0.1)
        ordered = part.sort_values(["honest", "found"], ascending=False)
        for i, r in enumerate(ordered.to_dict("records")):
            name = f"{kind}, {donors} v {donors}, {'states moved' if shift else 'no shift'}"
            label = LABELS if r["method"] == LABELS else METHODS[r["method"]].label
            cells = [beside(r[c], r[f"{c}_error"]) for c in COUNTS]
            body.append([name if i == 0 else "", label, *cells, str(r["replicates"])])
    lines = table(["design", "method", *COUNTS, "replicates"], body, left=2)
    extra = failures(rows, why)
    return [*lines, "", *table(["not answered", "why"], extra, left=2)] if extra else lines, found


def beside(value: float, error: float) -> str:
    """Write a share with its standard error."""
    return "-" if np.isnan(value) else f"{number(value)} ({number(error)})"


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


def milo_table(rows: pd.DataFrame, why: dict[str, str]) -> tuple[list[str], pd.DataFrame]:
    """AUPRC and AUROC of every case, the best first; one draw each, so there is no error."""
    keys = ["population", "enrichment", "batch"]
    scored = rows[rows["auprc"].notna()].sort_values("auprc", ascending=False)
    body = []
    for (population, enrichment, batch), part in scored.groupby(keys):
        name = f"{population}, enrichment {enrichment:g}, batch sd {batch:g}"
        for i, r in enumerate(part.to_dict("records")):
            shown = [number(r[c]) for c in ("auprc", "auroc", "base")]
            body.append([name if i == 0 else "", METHODS[r["method"]].label, *shown])
    lines = table(["case", "method", "AUPRC", "AUROC", "AUPRC of a guess"], body, left=2)
    extra = failures(rows, why)
    if extra:
        lines += ["", *table(["not answered", "why"], extra, left=2)]
    return lines, scored[["method", *keys, "auprc", "auroc"]].assign(part="milo")


def speed_table(rows: pd.DataFrame, why: dict[str, str]) -> tuple[list[str], pd.DataFrame]:
    """One line per method, processor seconds and memory by number of cells."""
    sizes = sorted(rows["cells"].unique())
    body = []
    for method, own in rows.groupby("method", sort=False):
        own = own.set_index("cells")
        cells = []
        for n in sizes:
            there = n in own.index and not np.isnan(own.get("cpu", {}).get(n, np.nan))
            cells += (
                [number(own["cpu"][n], 0), number(own["beyond"][n], 0)] if there else ["-", "-"]
            )
        body.append([METHODS[method].label, *cells])
    head = ["method", *(x for n in sizes for x in (f"CPU s, {n:,}", "MB beyond"))]
    lines = [*table(head, body), ""]
    extra = failures(rows, why)
    return [*lines, *(table(["no answer", "why"], extra, left=2) if extra else [])], rows.assign(
        part="speed"
    )


# Command line ----------------------------------------------------------------------------


def complete(args: argparse.Namespace) -> bool:
    """Whether the run is one to be kept."""
    return set(args.methods) == set(METHODS) and not args.cases


def keep(
    args: argparse.Namespace, part: str, title: str, lines: list[str], found: pd.DataFrame
) -> None:
    """Print a table; one of a complete run is kept, and its figures in the summary."""
    versions = [f"{METHODS[m].label}: {pinned(m)}" for m in args.methods if m != OURS]
    command = f"python benchmarks/compare.py --part {part}"
    for name, default in (("replicates", REPLICATES), ("seeds", SEEDS), ("cells", list(CELLS))):
        value = getattr(args, name)
        if value != default and part in OPTIONS[name]:
            text = ",".join(map(str, value)) if isinstance(value, list) else value
            command += f" --{name} {text}"
    if part != "propeller":
        absent = [f"{name}: not run: {reason}" for name, reason in ABSENT.items()]
        lines = [*versions, *absent, "", *lines]
    lines = [command, "what the columns mean: head of the script", "", *lines]
    if not complete(args):
        sys.stdout.write("\n".join([title, "partial run, not kept", "", *lines, ""]))
        return
    publish(f"compare-{part}", title, lines)
    if len(found):
        old = pd.read_csv(SUMMARY, sep="\t") if SUMMARY.is_file() else pd.DataFrame({"part": []})
        both = pd.concat([old[old["part"] != part], found], ignore_index=True)
        both.to_csv(SUMMARY, sep="\t", index=False, float_format="%.4f")


def run(args: argparse.Namespace, part: str) -> None:
    """Run one part."""
    folder = args.work / "jobs" / part
    if part == "figure":
        draw(pd.read_csv(SUMMARY, sep="\t"), {m: r.label for m, r in METHODS.items()})
    elif part == "propeller":
        lines = propeller_table()
        keep(args, part, "propeller's protocol: share of p below .05", lines, pd.DataFrame())
    elif part == "shift":
        bench = load_shiftbench(args.bench)
        rows, why = answered(
            args,
            shift_jobs(args, folder),
            lambda j, t, a: {**cell_scores(bench, j, t, a), **row_scores(j, t, a), **cost(a)},
        )
        keep(args, part, "Net factors on real data, labels hidden", *shift_table(rows, why))
    elif part == "joint":
        jobs = joint_jobs(args, folder)
        rows, why = answered(args, jobs, test_scores)
        rows = pd.concat([labels_rows(jobs), rows], ignore_index=True)
        keep(args, part, "Joint simulation: shares, states, donors", *joint_table(rows, why))
    elif part == "milo":
        rows, why = answered(args, milo_jobs(args.data, folder), of_cells)
        keep(args, part, "Milo's protocol, cells of Kang et al.", *milo_table(rows, why))
    else:
        rows, why = answered(args, speed_jobs(args, folder), lambda _j, _t, a: cost(a), alone=True)
        keep(args, part, "Time and memory by number of cells", *speed_table(rows, why))


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
