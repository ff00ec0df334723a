"""Error of the log2 net factor on real data with hidden labels: the default call and peers.

    python benchmarks/accuracy.py [--extra] [--cases a,b] [--methods a,b] [--seeds 3]
                                  [--data ../shared/data] [--bench ../shared/bench]

Cases, blinding, peers and scores are those of ``shiftbench``; methods see no labels. ``rmse`` is
the error of the mean factor of a label's source cells, ``median`` that of the median cell; the
worse of the two, each averaged over seeds first, is the result. ``--extra`` runs further cases
(other tissues, donors split within one condition, reversed directions). A complete run is kept
under ``results``; one with fewer cases, methods or seeds is printed only. Methods whose packages
are not installed are named as such.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
from _accuracy import BENCH, extra_cases, load_shiftbench, missing, number, show, table, versions
from _common import DATA

METHODS = (
    "null",
    "cluster_ratio",
    "gmm_ratio",
    "harmony_cluster_ratio",
    "harmony_l1_cluster_ratio",
    "harmony_l1_milo",
    "harmony_l1_meld",
    "gmm_ot",
    "cgmm",
)
OURS = "cgmm"
SEEDS = 3
GOALS = {
    "kang_thinned": 0.30,
    "kang_plain": 0.12,
    "kang_null": 0.30,
    "wnv_cns": 0.40,
    "covid": 0.40,
}
SCORES = ["rmse", "rmse_median", "within_twofold", "r", "seconds"]


def run(
    bench: SimpleNamespace, specs: dict[str, Any], methods: list[str], data: Path, seeds: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run all methods on all cases; scores, one row per run, and errors, one per label."""
    rows, labels = [], []
    for name, spec in specs.items():
        for seed in range(seeds if spec.seeded else 1):
            case = spec.make(data, seed)
            for method in methods:
                row, per_label = bench.run.run_one(case, method, seed)
                rows.append({**row, "case": name})
                if per_label is not None:
                    labels.append(per_label.assign(case=name))
                scores = "".join(f" {s} {row[s]:.3f}" for s in SCORES if s in row)
                sys.stderr.write(f"{name} {seed} {method}:{scores or ' ' + row['error']}\n")
    return pd.DataFrame(rows), pd.concat(labels, ignore_index=True)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds, and ``worse``: the larger of the two errors.

    Parameters
    ----------
    runs
        One row per run, with columns case, method, seed and the scores.

    Returns
    -------
    One row per case and method, in the order of the runs, with columns case, method, the scores,
    ``runs``, ``failed`` (text of the error, else "") and ``worse``.
    """
    runs = runs.copy()
    runs["failed"] = runs["error"].fillna("") if "error" in runs else ""
    groups = runs.groupby(["case", "method"], sort=False)
    frame = groups[SCORES].mean()
    frame["runs"] = groups.size()
    frame["failed"] = groups["failed"].max()
    frame.loc[frame["failed"] != "", SCORES] = float("nan")
    frame["worse"] = frame[["rmse", "rmse_median"]].max(axis=1)
    return frame.reset_index()


def report(summary: pd.DataFrame, absent: dict[str, str]) -> list[str]:
    """Tables of all cases and of the worst one of each method."""
    rows: list[list[str]] = []
    for case, part in summary.groupby("case", sort=False):
        for i, line in enumerate(part.to_dict("records")):
            start = [str(case) if i == 0 else "", line["method"]]
            if line["failed"]:
                rows.append([*start, f"failed: {line['failed']}"])
                continue
            shown = [number(line[s]) for s in ("rmse", "rmse_median", "worse")]
            shown += [number(line["within_twofold"]), number(line["r"])]
            rows.append([*start, *shown, number(line["seconds"], 1), str(line["runs"])])
        rows += [["", method, why] for method, why in absent.items()]
    head = ["case", "method", "rmse", "median", "worse", "within 2x", "r", "seconds", "runs"]
    lines = [*table(head, rows, left=2), "", "Worst over cases:"]

    rows = []
    for method, part in summary.groupby("method", sort=False):
        if (part["failed"] != "").any():
            rows.append([str(method), "failed on a case"])
            continue
        part = part.set_index("case")
        scores = [part[s] for s in ("rmse", "rmse_median", "worse")]
        texts = [f"{s.max():.2f} {s.idxmax()}" for s in scores]
        rows.append([str(method), *texts, number(float(part["seconds"].max()), 1)])
    rows += [[method, why] for method, why in absent.items()]
    lines += table(["method", "rmse", "median", "worse", "seconds"], rows, left=4)

    ours = summary[(summary["method"] == OURS) & (summary["failed"] == "")].set_index("case")
    rows = []
    for case, goal in GOALS.items():
        if case in ours.index:
            worse = float(ours["worse"][case])
            verdict = "reached" if worse <= goal else "missed"
            rows.append([case, number(goal), number(worse), verdict])
    if rows:
        lines += ["", *table(["case", "goal", OURS, ""], rows)]
    return lines


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of .h5ad files")
    parser.add_argument("--bench", type=Path, default=BENCH, help="folder that holds shiftbench")
    parser.add_argument("--extra", action="store_true", help="the further cases instead")
    parser.add_argument("--cases", help="comma-separated; default: all of the set")
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="for seeded cases")
    parser.add_argument("--labels", type=Path, help="write errors, one line per label, as .tsv")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    args = parse(argv)
    warnings.simplefilter("ignore", FutureWarning)
    bench = load_shiftbench(args.bench)
    known = extra_cases(bench) if args.extra else dict(bench.cases.CASES)
    chosen = args.cases.split(",") if args.cases else list(known)
    if strangers := [c for c in chosen if c not in known]:
        sys.exit(f"{strangers[0]!r} is no case; there are {', '.join(known)}.")
    asked = args.methods.split(",")
    absent = missing(asked, bench.methods.METHODS)
    methods = [m for m in asked if m not in absent]
    bench.run.warm_up()
    runs, labels = run(bench, {c: known[c] for c in chosen}, methods, args.data, args.seeds)
    if args.labels is not None:
        labels.to_csv(args.labels, sep="\t", index=False, float_format="%.4f")
    complete = set(chosen) == set(known) and set(asked) == set(METHODS) and args.seeds == SEEDS
    notes = [
        versions(),
        "rmse: error of the mean factor of a label's cells; median: of the median cell, log2;",
        "worse: the larger of the two; within 2x: cells within twofold of the truth;",
        "r: correlation over labels. Means over seeds. Seconds: all from the representation on,",
        "with compiling where there is any. null: the answer that nothing changes.",
        "",
    ]
    show(
        "accuracy_extra" if args.extra else "accuracy",
        f"Accuracy: log2 net factor per label, {'further' if args.extra else 'development'} cases",
        [*notes, *report(summarise(runs), absent)],
        keep=complete,
    )


if __name__ == "__main__":
    main()
