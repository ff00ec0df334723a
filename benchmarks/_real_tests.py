"""Figures of comparisons that are made from real cells: what holds, by design.

One row of the results is one component ("factor"), one type by its labels ("label"), or one pair of
components ("shift") of one comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats
from _accuracy import number, table
from _donor_tests import fitted
from _real_cells import Plan, RealCase, draw
from _real_populations import found_populations, population_table

from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design, design, unit_of_cells
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.moderated_t import (
    counting_variance,
    log_odds,
    moderated_t,
    squeeze,
    usual_variance,
)
from cgmm.donors.uncertainty import uncertainty
from cgmm.thresholds import ALPHA

FIRST_SEED = 100  # constants were chosen on smaller seeds
SHIFT = 4.0
LEAST_SHIFT = 0.5  # SD; from here the report says that a state changed
UNCHANGED = 0.05  # log2; a component whose true factor is nearer to one has not changed
PARTS = {
    "real": [Plan(n, m, s) for n, m in ((3, 3), (6, 6), (5, 9)) for s in (0.0, SHIFT)],
    "pairs": [
        *(Plan(4, 4, s, pairs=4) for s in (0.0, SHIFT)),
        Plan(4, 8, pairs=4),
    ],
    "odd": [
        *(Plan(6, 6, odd=odd) for odd in ("batch", "outlier", "lost")),
        *(Plan(4, 4, odd=odd) for odd in ("tiny15", "tiny30")),
    ],
    "change": [
        Plan(n, m, s, 1.0, pairs)
        for n, m, pairs in ((6, 6, 0), (5, 9, 0), (4, 4, 4))
        for s in (0.0, SHIFT)
    ],
}


def one_case(job: tuple[Plan, int, Path]) -> pd.DataFrame:
    """Draw, fit and read one comparison; rows as the module says."""
    plan, seed, data = job
    case = draw(plan, seed, data=data)
    batches = case.batches or (None, None)
    units = design(*case.donors, batches_source=batches[0], batches_target=batches[1])
    fit = fitted(case, seed)
    found = uncertainty(fit, case.points, case.donors, units)
    parts = [
        _factors(fit, case, found),
        _labels(case, units),
        _shifts(fit, case, found),
        found_populations(fit, case, units),
    ]
    about = {"design": plan.name, "shift": plan.shift, "change": plan.change, "seed": seed}
    return pd.concat(parts, ignore_index=True).assign(**about)


def _parts(
    memberships: np.ndarray, labels: np.ndarray, n_types: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which part of each component is of each type, (K, n_types), and its cells, (K,)."""
    mass = np.stack([memberships[labels == t].sum(axis=0) for t in range(n_types)], axis=1)
    cells = mass.sum(axis=1)
    return mass / np.maximum(cells, 1e-300)[:, None], cells


def _factors(fit: CoupledFit, case: RealCase, found: object) -> pd.DataFrame:
    of = found.factors
    memberships = fit.prevalence_source.responsibilities(case.points[0])
    parts, cells = _parts(memberships, case.labels[0], len(case.log2_net))
    return pd.DataFrame(
        {
            "kind": "factor",
            "label": parts.argmax(axis=1),
            "purity": parts.max(axis=1),
            "truth": np.log2(parts @ np.exp2(case.log2_net)),
            "estimate": of.log2_net,
            "low": of.low,
            "high": of.high,
            "p": of.p,
            "q": of.q,
            "size": cells / cells.sum(),
        }
    )


def _labels(case: RealCase, units: Design) -> pd.DataFrame:
    index = unit_of_cells(units, case.donors, (len(case.points[0]), len(case.points[1])), 0)
    n = len(case.log2_net)
    counts = []
    for side in (0, 1):
        own, kept = np.zeros((units.n_units[side], n)), index[side] >= 0
        np.add.at(own, (index[side][kept], case.labels[side][kept]), 1)
        counts.append(own)
    found = labelled_factors(np.concatenate(counts), units)
    size = np.concatenate(counts).sum(axis=0)
    return pd.DataFrame(
        {
            "kind": "label",
            "label": np.arange(n),
            "purity": 1.0,
            "truth": case.log2_net,
            "estimate": found.log2_net,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "q": found.q,
            "size": size / size.sum(),
        }
    )


def _shifts(fit: CoupledFit, case: RealCase, found: object) -> pd.DataFrame:
    k = found.pairs[:, 0]
    of_source = fit.prevalence_source.responsibilities(case.points[0])
    parts, cells = _parts(of_source, case.labels[0], len(case.log2_net))
    sd = float(np.sqrt(np.trace(fit.source.covariances, axis1=1, axis2=2).mean()))
    shifts = found.shifts
    return pd.DataFrame(
        {
            "kind": "shift",
            "label": parts.argmax(axis=1)[k],
            "purity": parts.max(axis=1)[k],
            "truth": np.linalg.norm(parts[k] @ case.moves, axis=1) / sd,
            "estimate": shifts.length / sd,
            "low": shifts.low / sd,
            "high": shifts.high / sd,
            "p": shifts.p,
            "q": shifts.q,
            "size": (cells / cells.sum())[k],
        }
    )


# Tables ----------------------------------------------------------------------------------


def rate(hits: pd.Series, runs: pd.Series) -> str:
    """Write a share of hits, with its standard error over runs in brackets."""
    if not len(hits):
        return "-"
    share = hits.mean()
    off = (hits.astype(float) - share).groupby(runs).sum()
    m = len(off)
    error = np.sqrt(m / max(m - 1, 1) * float(np.square(off).sum())) / len(hits)
    return f"{share:.3f} ({error:.3f})"


def contradictions(rows: pd.DataFrame) -> int:
    """Count the rows in which interval and p disagree on a factor of one."""
    own = rows[rows["kind"].isin(["factor", "label"]) & rows["p"].notna()]
    outside = (own["low"] > 0) | (own["high"] < 0)
    return int((outside != (own["p"] < ALPHA)).sum())


def null_table(rows: pd.DataFrame) -> list[str]:
    """Write type I, coverage and false moves of every design."""
    lines = []
    for (name, shift, change), own in rows.groupby(["design", "shift", "change"], sort=False):
        of = dict(list(own.groupby("kind")))
        factors, labels, shifts = (of[kind] for kind in ("factor", "label", "shift"))
        tested = factors[factors["p"].notna()]
        same = tested[tested["truth"].abs() < UNCHANGED]
        of_labels = labels[labels["p"].notna() & (labels["truth"].abs() < UNCHANGED)]
        pairs = shifts[shifts["low"].notna()]
        moved = (shifts["q"] < ALPHA) & (shifts["low"] > 0) & (shifts["estimate"] >= LEAST_SHIFT)
        runs = own["seed"].nunique()
        lines.append(
            [
                f"{name}{f', change {change:g}' if change else ''}",
                f"{shift:g}",
                str(runs),
                str(len(same)),
                rate(same["p"] < ALPHA, same["seed"]),
                rate(of_labels["p"] < ALPHA, of_labels["seed"]),
                rate(_inside(tested), tested["seed"]),
                number(float((tested["high"] - tested["low"]).mean())),
                rate(_inside(pairs), pairs["seed"]),
                f"{moved.groupby(shifts['seed']).any().mean():.2f}",
                number(float(moved[shifts["low"].notna()].mean())),
                str(contradictions(own)),
            ]
        )
    head = ["design", "shift", "runs", "tests", "type I", "labels", "cover", "width"]
    return table([*head, "cover, shifts", "any moved", "moved", "contrad."], lines)


def _inside(rows: pd.DataFrame) -> pd.Series:
    return (rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"])


def power_table(rows: pd.DataFrame) -> list[str]:
    """Write how often the types that changed are found, by components, populations and labels."""
    lines = []
    for (name, shift), own in rows.groupby(["design", "shift"], sort=False):
        changed = own[(own["kind"] == "label") & (own["truth"].abs() > UNCHANGED)]
        seeds = changed["seed"].reset_index(drop=True)
        hits = [_found(own[own["kind"] == kind], changed) for kind in ("factor", "population")]
        hits.append((changed["p"] < ALPHA).reset_index(drop=True))
        lines.append([name, f"{shift:g}", str(len(changed)), *(rate(hit, seeds) for hit in hits)])
    head = ["design", "shift", "changes", "components", "found populations", "labels"]
    return table(head, lines)


def _found(rows: pd.DataFrame, changed: pd.DataFrame) -> pd.Series:
    """Return whether each changed type has p < .05, by Simes over the rows that are mostly it."""
    hits = []
    for row in changed.itertuples():
        parts = rows[
            (rows["seed"] == row.seed) & (rows["label"] == row.label) & (rows["purity"] > 0.5)
        ]
        hits.append(_simes(parts["p"].dropna().to_numpy()) < ALPHA)
    return pd.Series(hits)


def _simes(p: np.ndarray) -> float:
    if not len(p):
        return 1.0
    return float(np.min(np.sort(p) * len(p) / np.arange(1, len(p) + 1)))


# Pairs -----------------------------------------------------------------------------------


def pairing(data: Path, n_runs: int = 25) -> list[str]:
    """Write width and type I of the test of labels, pairs read as pairs and as other donors."""
    lines = []
    for n in (4, 6, 8):
        of_runs = []
        for seed in range(FIRST_SEED, FIRST_SEED + n_runs):
            case = draw(Plan(n, n, pairs=n), seed, data=data)
            others = [[f"{side} {d}" for d in own] for side, own in enumerate(case.donors)]
            alone = case._replace(donors=tuple(np.array(own, dtype=object) for own in others))
            read = [_labels(one, design(*one.donors)) for one in (case, alone)]
            of_runs.append(read[0].join(read[1], rsuffix="_alone").assign(seed=seed))
        rows = pd.concat(of_runs, ignore_index=True).dropna(subset=["p", "p_alone"])
        ratio = (rows["high"] - rows["low"]) / (rows["high_alone"] - rows["low_alone"])
        small = [rate(rows[name] < ALPHA, rows["seed"]) for name in ("p", "p_alone")]
        lines.append([f"{n} pairs", str(len(rows)), number(float(ratio.median())), *small])
    head = ["design", "tests", "width, paired over unpaired", "type I, paired", "unpaired"]
    return table(head, lines)


# Weights of donors ------------------------------------------------------------------------

TYPES = np.array([0.25, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.01])


def label_weights(n_runs: int = 400) -> list[str]:
    """Write type I of the moderated t-test of labels, donors equal or weighted by their counts."""
    cells: dict[str, tuple[list[int], list[int]]] = {
        "6 v 6, 600 cells": ([600] * 6, [600] * 6),
        "4 v 4, one of 15": ([15, 600, 600, 600], [600] * 4),
        "4 v 4, one of 30": ([30, 600, 600, 600], [600] * 4),
        "5 v 5, 60 v 500": ([60] * 5, [500] * 5),
        "6 v 6, 60 to 2000": ([60, 100, 200, 500, 1000, 2000],) * 2,
    }
    lines = []
    for name, sides in cells.items():
        row = [name]
        for weighted in (False, True):
            rng = np.random.default_rng(0)
            hits = [_small_p(rng, sides, weighted=weighted) for _ in range(n_runs)]
            runs = pd.Series(np.repeat(np.arange(n_runs), [len(h) for h in hits]))
            row.append(rate(pd.Series(np.concatenate(hits)), runs))
        lines.append(row)
    return table(["donors", "equal", "weighted by counts"], lines)


def _small_p(
    rng: np.random.Generator, sides: tuple[list[int], list[int]], *, weighted: bool
) -> np.ndarray:
    """Return which p are below .05 in one study without change."""
    n = np.concatenate(sides)
    shares = np.maximum(rng.dirichlet(TYPES * 40, len(n)), 1e-6)
    counts = np.array([rng.multinomial(m, s / s.sum()) for m, s in zip(n, shares, strict=True)])
    counts = counts[:, counts.sum(axis=0) >= 20]
    shares = counts / n[:, None]
    matrix = np.column_stack([np.ones(len(n)), np.repeat([0.0, 1.0], list(map(len, sides)))])
    y, counting = log_odds(shares, n), counting_variance(shares, n)
    if not weighted:
        return moderated_t(y, matrix, counting=counting).p < ALPHA
    # weights (e + tau^2) / (e_d + tau^2), e_d from the cells of the donor, one tau^2 for all
    p = shares.mean(axis=0)
    own = 1 / (n[:, None] * p + 0.5) + 1 / (n[:, None] * (1 - p) + 0.5)
    freedom = len(n) - 2
    off = y - matrix @ (np.linalg.pinv(matrix) @ y)
    usual = usual_variance(np.square(off).sum(axis=0) / freedom, counting)
    weights = usual / (own + usual - counting)
    return _weighted_p(y, matrix, weights, usual) < ALPHA


def _weighted_p(
    y: np.ndarray, matrix: np.ndarray, weights: np.ndarray, usual: np.ndarray
) -> np.ndarray:
    """Return p of the moderated t-test with weights, shape (K,)."""
    freedom, coefficient, variance, scale = len(y) - matrix.shape[1], [], [], []
    for own, weight in zip(y.T, np.sqrt(weights.T), strict=True):
        inverse = np.linalg.pinv(matrix * weight[:, None])
        beta = inverse @ (own * weight)
        coefficient.append(beta[-1])
        variance.append(np.square((own - matrix @ beta) * weight).sum() / freedom)
        scale.append(inverse[-1] @ inverse[-1])
    prior, level = squeeze(np.array(variance) / usual, freedom)
    share = 1.0 if np.isinf(prior) else prior / (prior + freedom)
    moderate = share * level * usual + (1 - share) * np.array(variance)
    t = np.array(coefficient) / np.sqrt(moderate * np.array(scale))
    return 2 * scipy.stats.t.sf(np.abs(t), min(prior + freedom, freedom * y.shape[1]))


TABLES: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    **dict.fromkeys(
        ("real", "pairs", "odd"),
        lambda rows: [*null_table(rows), "", *population_table(rows)],
    ),
    "change": lambda rows: [
        *null_table(rows),
        "",
        *population_table(rows),
        "",
        *power_table(rows),
    ],
}
