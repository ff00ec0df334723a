"""Tests of the shares of states within their population: what each of several designs gives.

    python benchmarks/states.py [--fits 12] [--data ../shared/data] [--store FOLDER]

Comparisons are made from real cells (``_real_cells.py``): 6 against 6 donors of 400 to 1,200 cells,
nine types that the fit divides into states. Between donors the cells of a type differ by a tilt
along its main axis (sd .2) and by an offset. "changed": two of the four largest types have a tilt
of 1.2 and -1.2 in the target, so parts of the type gain and lose, and no cell moves.
"shift": every type moves by four standard deviations within the type, in a direction of its own.

A test is one state of one population, or the population where the design has one number for it; of
two states of a population the tests are one. Populations are those that the fit found or, in the
lines "types", the true types. The designs are in ``_state_designs.py``.

A run of 4 fits or more per line is kept under ``results``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from _accuracy import table
from _common import DATA, publish
from _donor_tests import fitted
from _real_cells import Plan, RealCase, draw
from _real_tests import SHIFT, rate
from _state_designs import DESIGNS, OF_TYPES, States, states_of

from cgmm.thresholds import ALPHA

TILT, TILT_SD, CELLS = 1.2, 0.2, (400, 1200)
FIRST_SEED = 200  # designs were chosen on smaller seeds
KEPT = 4
UNCHANGED, CHANGED = 0.05, 0.4  # natural log-odds
PLANS = [
    Plan(6, 6, shift, tilt=tilt, tilt_sd=TILT_SD, cells=CELLS)
    for tilt in (0.0, TILT)
    for shift in (0.0, SHIFT)
]


def read(plan: Plan, seed: int, data: Path, store: Path | None) -> tuple[RealCase, States]:
    """Draw and fit a comparison, or take the stored fit."""
    case = draw(plan, seed, data=data)
    name = None if store is None else store / f"{plan.tilt:g}-{plan.shift:g}-{seed}.npz"
    if name is not None and name.exists():
        with np.load(name) as kept:
            return case, States(**kept)
    states = states_of(fitted(case, seed), case)
    if name is not None:
        name.parent.mkdir(parents=True, exist_ok=True)
        np.savez(name, **states._asdict())
    return case, states


def one(plan: Plan, seed: int, data: Path, store: Path | None) -> pd.DataFrame:
    """Return the tests of all designs on one comparison."""
    case, states = read(plan, seed, data, store)
    of_types = states._replace(populations_source=case.labels[0], populations_target=case.labels[1])
    parts = [of(case, states).assign(design=name) for name, of in DESIGNS.items()]
    parts += [DESIGNS[n](case, of_types).assign(design=f"types: {n}") for n in OF_TYPES]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True).assign(tilt=plan.tilt, shift=plan.shift, seed=seed)


def lines_of(rows: pd.DataFrame) -> list[str]:
    """Write type I, coverage and power of every design."""
    lines = []
    for (name, shift), own in rows.groupby(["design", "shift"], sort=False):
        row = [name, f"{shift:g}"]
        for tilt in (0.0, TILT):
            part = own[own["tilt"] == tilt]
            same = part[part["truth"].abs() < UNCHANGED]
            row += [str(len(same)), rate(same["p"] < ALPHA, same["seed"])]
        changed = own[own["truth"].abs() > CHANGED]
        row += [
            rate(own["inside"].astype(bool), own["seed"]),
            f"{(own['high'] - own['low']).median():.2f}",
        ]
        row += [str(len(changed)), rate(changed["p"] < ALPHA, changed["seed"])]
        lines.append(row)
    head = ["design", "shift", "tests", "type I", "tests", "beside changes", "coverage", "width"]
    return table([*head, "changes", "power"], lines)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=12, help="comparisons per line")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--store", type=Path, help="folder in which fits are kept")
    args = parser.parse_args()
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + args.fits):
        for plan in PLANS:
            rows.append(one(plan, seed, args.data, args.store))
            sys.stderr.write(f"{plan} {seed}\n")
    lines = lines_of(pd.concat(rows, ignore_index=True))
    if args.fits >= KEPT:
        publish("states", "Shares of states within their population", lines)
    else:
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
