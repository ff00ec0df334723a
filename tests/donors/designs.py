"""Counts of labels under known designs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm.donors.design import Design, Unit
from cgmm.donors.formula import Model, model
from cgmm.donors.linear import Observations

SHARES = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
ENDS = {"condition": "condition", "source": "control", "target": "treated"}


def plan_of(n: int, *, paired: bool = False) -> Design:
    """Return a design of n donors per condition."""
    names = [[f"{'d' if paired else 'ab'[side]}{i}" for i in range(n)] for side in (0, 1)]
    units = [Unit(side, name, 1000, "") for side in (0, 1) for name in names[side]]
    return Design(tuple(units), paired, False, True, ())


def table_of(plan: Design, **columns: object) -> pd.DataFrame:
    """Return one row per donor and condition."""
    return pd.DataFrame(
        {"condition": [("control", "treated")[u.side] for u in plan.units]} | columns
    )


def drawn(
    rng: np.random.Generator, effects: np.ndarray, *, spread: float = 0.3, cells: int = 1000
) -> np.ndarray:
    """Return counts of units whose log shares have effects, shape (n_units, 5)."""
    logs = np.log(SHARES) + effects + rng.normal(0, spread, effects.shape)
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    return np.array([rng.multinomial(cells, s) for s in shares]).astype(float)


def modelled(formula: str, plan: Design, table: pd.DataFrame) -> Model:
    """Return the model of a formula over the donors of a plan."""
    pairs = np.array([u.donor for u in plan.units]) if plan.paired else None
    return model(formula, table, **ENDS, pairs=pairs)


def observed(counts: np.ndarray, made: Model, plan: Design) -> Observations:
    """Return one unit per donor and condition."""
    return Observations(counts, made.matrix, np.arange(len(counts)), plan)
