"""Populations found without labels, by six designs, against the labels.

    python benchmarks/populations.py [--cases a,b] [--seeds 2] [--kept FOLDER]
                                     [--data ../shared/data] [--bench ../shared/bench]

Errors are root mean squares of log2 factors over the rows above 2 %. ``--kept`` is a folder for
fits, which are made once. A run of all cases is kept under ``results``.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

from _accuracy import BENCH, extra_cases, load_shiftbench, number, show, table
from _common import DATA
from _populations import DESIGNS, fitted, moved, scores

from cgmm.thresholds import MIN_CHANGE

LABELS = {
    "kang_plain": "cell_type",
    "kang_thinned": "cell_type_coarse",
    "wnv_cns": "cell_type",
    "covid": "cell_type",
    "gbm_plain": "cell_type",
}
NOTES = [
    "n: populations; small: with fewer than 20 cells on both sides together; purity: share of",
    "cells with the main label of their population; source: error of the rows above 2 % of source",
    "cells, against the main label of their source cells; either: of the rows above 2 % on either",
    "side, against the main label of both; moved: populations that another seed moves more than",
    "1.5-fold, those of them called settled, of all; s: CPU seconds without the fit.",
    "",
]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of .h5ad files")
    parser.add_argument("--bench", type=Path, default=BENCH, help="folder that holds shiftbench")
    parser.add_argument("--cases", default=",".join(LABELS), help="comma-separated")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of the fit, from 0 on")
    parser.add_argument("--kept", type=Path, help="folder for fits")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    bench = load_shiftbench(args.bench)
    known = {**bench.cases.CASES, **extra_cases(bench)}
    chosen = args.cases.split(",")
    rows = []
    for name in chosen:
        fits = []
        for seed in range(args.seeds):
            kept = args.kept and args.kept / f"{name}-{seed}.pkl"
            case = None if kept and kept.is_file() else known[name].make(args.data, 0)
            fits.append(fitted(case, LABELS[name], seed, kept))
        for i, (design, find) in enumerate(DESIGNS.items()):
            began = time.process_time()
            answers = [find(one) for one in fits]
            spent = (time.process_time() - began) / len(fits)
            one = scores(fits[0], answers[0])
            far, wrong, n = moved(fits[0], answers, MIN_CHANGE)
            shown = [number(one[s]) for s in ("purity", "source", "either")]
            seeds = f"{far}, {wrong} of {n}" if len(fits) > 1 else "-"
            start = [name if i == 0 else "", design, str(one["n"]), str(one["small"])]
            rows.append([*start, *shown, seeds, number(spent, 1)])
            sys.stderr.write("  ".join(rows[-1]) + "\n")
    head = ["case", "design", "n", "small", "purity", "source", "either", "moved", "s"]
    show(
        "populations",
        f"Populations without labels, seed 0 of {args.seeds}",
        [*NOTES, *table(head, rows, left=2)],
        keep=set(chosen) == set(LABELS),
    )


if __name__ == "__main__":
    main()
