"""Populations that the fit found in comparisons made from real cells: rows and table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _accuracy import number, table
from _real_cells import RealCase

from cgmm.coupled.result import CoupledFit
from cgmm.donors.borders import Borders, crossing
from cgmm.donors.design import Design, unit_of_cells
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.labelled_shifts import labelled_shifts
from cgmm.pair import Pair
from cgmm.thresholds import ALPHA

UNCHANGED = 0.05  # log2


def found_populations(fit: CoupledFit, case: RealCase, units: Design) -> pd.DataFrame:
    """Return one row per found population and kind: its factor and its move."""
    codes = Pair(np.asarray(fit.populations_source), np.asarray(fit.populations_target))
    n = 1 + int(max(own.max() for own in codes))
    sizes = (len(codes.source), len(codes.target))
    index = Pair(*unit_of_cells(units, case.donors, sizes, 0))
    counts = []
    for side in (0, 1):
        own = np.zeros((units.n_units[side], n))
        kept = index[side] >= 0
        np.add.at(own, (index[side][kept], codes[side][kept]), 1)
        counts.append(own)
    together = np.concatenate(counts)
    origins = np.where(fit.origins >= 0, codes.source[fit.origins], -1)
    borders = Borders(fit.populations_elsewhere, crossing(origins, codes.target, n))
    factors = labelled_factors(together, units, borders=borders)
    points = Pair(*(np.asarray(x, float) for x in case.points))
    moves = labelled_shifts(points, codes, index, units, n)
    types = np.zeros((n, len(case.log2_net)))
    np.add.at(types, (codes.source, case.labels[0]), 1)
    both = types.copy()
    np.add.at(both, (codes.target, case.labels[1]), 1)
    parts = types / np.maximum(types.sum(axis=1, keepdims=True), 1)
    with np.errstate(divide="ignore"):
        truth = np.log2(parts @ np.exp2(case.log2_net))
    common = {
        "label": both.argmax(axis=1),
        "purity": both.max(axis=1) / both.sum(axis=1),
        "size": together.sum(axis=0) / together.sum(),
    }
    of_factors = {
        "kind": "population",
        "truth": truth,
        "estimate": factors.log2_net,
        "low": factors.low,
        "high": factors.high,
        "p": factors.p,
        "q": factors.q,
    }
    of_moves = {
        "kind": "move",
        "truth": np.linalg.norm(parts @ case.moves, axis=1) / moves.spread,
        "estimate": moves.length,
        "low": moves.low,
        "high": moves.high,
        "p": moves.p,
        "q": moves.q,
    }
    return pd.concat([pd.DataFrame(common | own) for own in (of_factors, of_moves)])


def population_table(rows: pd.DataFrame) -> list[str]:
    """Write number, type I, coverage and false moves of found populations, by design."""
    from _real_tests import _inside, contradictions, rate  # the table of components

    if not (rows["kind"] == "population").any():
        return ["found populations: not in these rows"]
    lines = []
    for (name, shift, change), own in rows.groupby(["design", "shift", "change"], sort=False):
        factors = own[(own["kind"] == "population") & np.isfinite(own["truth"])]
        tested = factors[factors["p"].notna()]
        same = tested[tested["truth"].abs() < UNCHANGED]
        moves = own[(own["kind"] == "move") & own["p"].notna() & np.isfinite(own["truth"])]
        called = (moves["q"] < ALPHA) & (moves["estimate"] >= 0.5)
        as_factor = own[own["kind"] == "population"].assign(kind="label")
        lines.append(
            [
                f"{name}{f', change {change:g}' if change else ''}",
                f"{shift:g}",
                number(float(len(factors)) / own["seed"].nunique(), 1),
                number(float((factors["purity"] * factors["size"]).sum() / factors["size"].sum())),
                str(len(same)),
                rate(same["p"] < ALPHA, same["seed"]),
                rate(_inside(tested), tested["seed"]),
                rate(moves["p"] < ALPHA, moves["seed"]),
                rate(_inside(moves), moves["seed"]),
                f"{called.groupby(moves['seed']).any().mean():.2f}",
                str(contradictions(as_factor)),
            ]
        )
    head = ["found populations", "shift", "n", "purity", "tests", "type I", "cover"]
    return table([*head, "moved p < .05", "cover, moves", "any called", "contrad."], lines)
