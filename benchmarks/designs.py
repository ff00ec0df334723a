"""Designs that labs have: error rates, coverage and power of the tests on counts of labels.

    python benchmarks/designs.py [--studies 200] [--seed 0]
    python benchmarks/designs.py --part targets [--studies 3]

Studies are drawn with known truth: ten populations with 30 to 1 % of the cells, donors that differ
in their log shares (sd .4) and 500 to 2,000 cells per sample. Nothing is fitted, because labels are
given. A run of 200 studies or more is kept under ``results``.

The part ``targets`` tests trends over a vehicle and three doses, and fits one source against three
doses, together and one by one, to compare the factors; a run of 3 studies or more is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from _common import publish
from _targets import shared_and_separate
from scipy.special import expit, logit

from cgmm.donors.design import Design, Unit
from cgmm.donors.duplicate_correlation import consensus, random_effect, whitened
from cgmm.donors.formula import Model, model
from cgmm.donors.freedman_lane import freedman_lane
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.linear import Observations, absolute_factors, linear_factors
from cgmm.donors.moderated_t import moderated_t
from cgmm.donors.power import null_calls, smallest_change

SHARES = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.03, 0.02, 0.01])
K = len(SHARES)
DONOR_SD = 0.4
SAMPLE_SD = 0.2
KEPT = 200
KEPT_FITTED = 3
ALL = np.ones(K, dtype=bool)
NOTES = [
    "Brackets: Monte Carlo standard error with the study as the unit; n: tests of a line.",
    "type I: part of the tests of unchanged populations with p < .05; coverage: of 95 % intervals.",
    "",
]


class Study(NamedTuple):
    """The donors of a study."""

    plan: Design
    table: pd.DataFrame
    made: Model


def study(formula: str, n: int, *, paired: bool = False, **columns: object) -> Study:
    """Return a study of n donors per condition (or pairs) with columns of their units."""
    names = [[f"{'d' if paired else 'ab'[side]}{i}" for i in range(n)] for side in (0, 1)]
    units = [Unit(side, name, 1000, "") for side in (0, 1) for name in names[side]]
    table = pd.DataFrame({"condition": [("control", "treated")[u.side] for u in units]} | columns)
    pairs = np.array([u.donor for u in units]) if paired else None
    made = model(
        formula, table, condition="condition", source="control", target="treated", pairs=pairs
    )
    return Study(Design(tuple(units), paired, False, True, ()), table, made)


def drawn(
    rng: np.random.Generator, effects: np.ndarray, donors: np.ndarray, *, sample_sd: float = 0.0
) -> np.ndarray:
    """Return counts of samples whose log shares have effects, (n_samples, K)."""
    logs = np.log(SHARES) + effects + DONOR_SD * rng.normal(size=(donors.max() + 1, K))[donors]
    logs = logs + sample_sd * rng.normal(size=effects.shape)
    odds = np.exp(logs)
    n_cells = rng.integers(500, 2001, len(effects))
    shares = odds / odds.sum(axis=1, keepdims=True)
    return np.array([rng.multinomial(n, s) for n, s in zip(n_cells, shares, strict=True)]).astype(
        float
    )


def typical(effects: np.ndarray) -> np.ndarray:
    """Return the log-odds that samples with effects have when donors do not differ."""
    odds = np.exp(np.log(SHARES) + effects)
    return logit(odds / odds.sum(axis=1, keepdims=True))


def observed(counts: np.ndarray, one: Study) -> Observations:
    """Return one unit per donor and condition."""
    return Observations(counts, one.made.matrix, np.arange(len(counts)), one.plan)


def rate(hits: list[np.ndarray]) -> str:
    """Return a part of the tests with its error, the study as the unit, and their number."""
    each = np.array([np.mean(h) for h in hits])
    n = sum(np.size(h) for h in hits)
    return f"{each.mean():.3f} ({each.std(ddof=1) / np.sqrt(len(each)):.3f})  n {n}"


def signs(rng: np.random.Generator, size: float) -> np.ndarray:
    """Return an effect of one size and either sign for each population."""
    return size * rng.choice([-1.0, 1.0], K)


def confounded(rng: np.random.Generator, n: int, donors: int) -> list[str]:
    """Test under a covariate that biases an unadjusted change by half of a twofold change."""
    few = donors // 4
    sex = np.repeat([0, 1, 0, 1], [donors - few, few, few, donors - few])
    one = study("~ condition + sex", donors, sex=np.where(sex, "f", "m"))
    p: dict[str, list[np.ndarray]] = {k: [] for k in ("adjusted", "unadjusted", "permutation")}
    covered, taken = [], []
    for _ in range(n):
        effects = np.outer(sex, signs(rng, np.log(2)))
        seen = observed(drawn(rng, effects, np.arange(2 * donors)), one)
        taken.append(part_taken(effects, sex, one.plan.sides))
        found, _ = linear_factors(seen, one.made.contrasts[0])
        p["adjusted"].append(found.p < 0.05)
        p["unadjusted"].append(labelled_factors(seen.counts, one.plan).p < 0.05)
        exchange = freedman_lane(seen, one.made.contrasts[0].change, ALL, n_exchanges=199)
        p["permutation"].append(exchange < 0.05)
        covered.append((found.low < 0) & (found.high > 0))
    lines = [
        f"{donors} v {donors} donors, a covariate of twofold effect in {few} of {donors} against "
        f"{donors - few} of {donors}; no change"
    ]
    lines += [f"  type I, {name:<24} {rate(hits)}" for name, hits in p.items()]
    both, whole = np.sum(taken, axis=0)
    part = both / whole
    return [
        *lines,
        f"  coverage, adjusted               {rate(covered)}",
        f"  part of the covariate's effect that an unadjusted change holds  {part:.3f}",
    ]


def part_taken(
    effects: np.ndarray, covariate: np.ndarray, sides: np.ndarray
) -> tuple[float, float]:
    """Return products of the changes of the log-odds: sides and covariate, covariate alone."""
    y = typical(effects)
    of_side, of_covariate = (
        y[groups == 1].mean(axis=0) - y[groups == 0].mean(axis=0) for groups in (sides, covariate)
    )
    return float(of_side @ of_covariate), float(of_covariate @ of_covariate)


def repeated(rng: np.random.Generator, n: int, samples: list[int]) -> list[str]:
    """Test several samples of each of 5 v 5 donors, no change."""
    one = study("~ condition", 5)
    donors = np.repeat(np.arange(10), np.resize(samples, 10))
    matrix = one.made.matrix[donors]
    change = one.made.contrasts[0]
    names = ("random donor effect", "one correlation (limma)", "samples as donors", "summed")
    p: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for _ in range(n):
        counts = drawn(rng, np.zeros((len(donors), K)), donors, sample_sd=SAMPLE_SD)
        seen = Observations(counts, matrix, donors, one.plan)
        y, counting = seen.log_odds, seen.counting
        rho = consensus(random_effect(y, matrix, donors, change.change).correlation)
        white, x = whitened(y, donors, rho), whitened(matrix, donors, rho)
        summed = np.zeros((10, K))
        np.add.at(summed, donors, counts)
        for name, found in zip(
            names,
            (
                linear_factors(seen, change)[0].p,
                moderated_t(white, x, counting=counting, contrast=change.change).p,
                moderated_t(y, matrix, counting=counting, contrast=change.change).p,
                labelled_factors(summed, one.plan).p,
            ),
            strict=True,
        ):
            p[name].append(found < 0.05)
    which = "2" if samples == [2] else "1 to 3"
    lines = [f"5 v 5 donors, {which} samples each (sd {SAMPLE_SD} between samples); no change"]
    return [*lines, *(f"  type I, {name:<24} {rate(hits)}" for name, hits in p.items())]


def interaction(rng: np.random.Generator, n: int, *, paired: bool) -> list[str]:
    """Count intervals of the difference of differences, a drug in two genotypes."""
    ko = np.tile(np.repeat([0, 1], 5), 2)
    treated = np.repeat([0, 1], 10)
    genotype = np.where(ko, "ko", "wt")
    one = study("~ condition * genotype", 10, paired=paired, genotype=genotype)
    contrast = next(c for c in one.made.contrasts if c.kind == "interaction")
    covered, nothing = [], []
    donors = np.tile(np.arange(10), 2) if paired else np.arange(20)
    for i in range(n):
        # without an effect of the drug: closure makes differences of two effects on shares
        drug = np.zeros(K) if i % 2 else rng.normal(0, 0.5, K)
        apart = np.zeros(K) if i % 2 else rng.normal(0, 0.7, K)
        effects = np.outer(treated, drug) + np.outer(ko, rng.normal(0, 0.5, K))
        # the reference level is ko, so the difference is that of wt
        effects = effects + np.outer(treated * (1 - ko), apart)
        seen = observed(drawn(rng, effects, donors, sample_sd=SAMPLE_SD), one)
        found, _ = linear_factors(seen, contrast)
        y = typical(effects)
        coefficients = np.linalg.pinv(one.made.matrix) @ y
        base, change = contrast.base @ coefficients, contrast.change @ coefficients
        truth = np.log2(expit(base + change) / expit(base))
        covered.append((found.low < truth) & (truth < found.high))
        if i % 2:
            nothing.append(found.p < 0.05)
    what = "10 pairs, 5 of each genotype" if paired else "2 x 2, 5 donors each"
    return [
        f"{what}: difference of differences",
        f"  coverage                         {rate(covered)}",
        f"  type I                           {rate(nothing)}",
    ]


def propeller(counts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return p of propeller's logit form: half a cell added, variances shrunk as they are."""
    share = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    return moderated_t(np.log(share) - np.log1p(-share), matrix).p


def power(rng: np.random.Generator, n: int, donors: int) -> list[str]:
    """Compare power with propeller on the same labels: two populations double, two halve."""
    one = study("~ condition", donors)
    effects = np.outer(one.plan.sides, np.array([0, 1, 0, -1, 0, 1, 0, -1, 0, 0]) * np.log(2))
    changed = effects[-1] != 0
    ours, theirs = [], []
    for _ in range(n):
        seen = observed(drawn(rng, effects, np.arange(2 * donors)), one)
        ours.append(linear_factors(seen, one.made.contrasts[0])[0].p[changed] < 0.05)
        theirs.append(propeller(seen.counts, one.made.matrix)[changed] < 0.05)
    part = np.mean(ours) / np.mean(theirs)
    return [
        f"{donors} v {donors} donors, four of ten populations change twofold",
        f"  power, cgmm                      {rate(ours)}",
        f"  power, propeller                 {rate(theirs)}",
        f"  of propeller's                   {part:.3f}",
    ]


def visible(rng: np.random.Generator, n: int, donors: int, *, paired: bool) -> list[str]:
    """Compare the smallest visible change, predicted without a change, with what is found."""
    one = study("~ condition", donors, paired=paired)
    contrast = one.made.contrasts[0]
    who = np.tile(np.arange(donors), 2) if paired else np.arange(2 * donors)
    spread = DONOR_SD if paired else 0.0
    chosen = [3, 6]  # 10 % and 5 %

    def p_of(size: float) -> tuple[np.ndarray, np.ndarray]:
        effects = np.zeros((2 * donors, K))
        effects[:, chosen] = size * one.plan.sides[:, None]
        seen = observed(drawn(rng, effects, who, sample_sd=spread), one)
        found, tests = linear_factors(seen, contrast)
        return found.p[chosen], smallest_change(tests.error, tests.freedom)[chosen]

    predicted = np.median([p_of(0.0)[1] for _ in range(n)], axis=0).mean()
    sizes = predicted * np.array([0.7, 0.85, 1.0, 1.15, 1.3])
    powers = [np.mean([p_of(size)[0] < 0.05 for _ in range(n)]) for size in sizes]
    # the change of log-odds that an effect makes, after closure
    both = np.isin(np.arange(K), chosen).astype(float)
    closed = [(typical(np.outer([0, s], both))[:, chosen] @ [0.5, 0.5]) @ [-1, 1] for s in sizes]
    found = float(np.interp(0.8, powers, closed))
    return [
        f"{donors} {'pairs' if paired else f'v {donors} donors'}: change of log-odds seen in 80 %",
        f"  predicted {predicted:.3f}, found {found:.3f}, ratio {predicted / found:.3f}"
        f"  n {n * 2 * len(sizes)}",
    ]


def absolute(rng: np.random.Generator, n: int) -> list[str]:
    """Count intervals of absolute abundance: all populations double, shares do not change."""
    one = study("~ condition", 6)
    covered = []
    for _ in range(n):
        seen = observed(drawn(rng, np.zeros((12, K)), np.arange(12)), one)
        totals = np.exp(rng.normal(10, 0.3, 12) + np.log(2) * one.plan.sides)
        found = absolute_factors(seen, totals, one.made.contrasts[0])
        covered.append((found.low < 1) & (found.high > 1))
    return [
        "6 v 6 donors, twice as many cells of every population",
        f"  coverage, absolute               {rate(covered)}",
    ]


def null_of_the_study(rng: np.random.Generator, n: int) -> list[str]:
    """Count calls (q < .05) where nothing changed, beside those of exchanges of a study."""
    one = study("~ condition", 6)
    effects = np.outer(one.plan.sides, np.array([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]) * np.log(3))
    real, said = [], []
    for _ in range(n // 5):
        seen = observed(drawn(rng, np.zeros((12, K)), np.arange(12)), one)
        real.append(np.atleast_1d((linear_factors(seen, one.made.contrasts[0])[0].q < 0.05).sum()))
        seen = observed(drawn(rng, effects, np.arange(12)), one)
        found = null_calls(seen, one.made.contrasts[0].change, ALL, n_exchanges=50)
        said.append(np.atleast_1d(0.0 if found is None else found.mean_called))
    return [
        "6 v 6 donors, one population changes threefold: calls where donors are exchanged",
        f"  mean calls per exchange          {rate(said)}",
        f"  mean calls, nothing changed      {rate(real)}",
    ]


def trend(rng: np.random.Generator, n: int, *, paired: bool) -> list[str]:
    """Test a trend over four conditions, and compare its power with the highest dose alone."""
    donors = 5
    who = np.tile(np.arange(donors), 4) if paired else np.arange(4 * donors)
    steps = np.repeat(np.arange(4.0), donors)
    names = np.array(["vehicle", "low", "mid", "high"])
    scores = dict(zip(names, range(4), strict=True))
    units = tuple(Unit(int(step > 0), str(d), 1000, "") for step, d in zip(steps, who, strict=True))
    plan = Design(units, False, False, True, ())
    made = model(
        "~ condition",
        pd.DataFrame({"condition": np.repeat(names, donors)}),
        condition="condition",
        source="vehicle",
        target="high",
        pairs=who.astype(str) if paired else None,
        scores=scores,
    )
    ends = np.isin(steps, (0, 3))
    alone = study("~ condition", donors, paired=paired)
    nothing, covered, seen_by_trend, seen_by_high = [], [], [], []
    rises = np.zeros(K)
    rises[[1, 6]] = np.log(1.8) / 3  # per step
    for i in range(n):
        effects = np.outer(steps, rises) if i % 2 else np.zeros((4 * donors, K))
        counts = drawn(rng, effects, who, sample_sd=SAMPLE_SD)
        seen = Observations(counts, made.matrix, np.arange(len(counts)), plan)
        found, _ = linear_factors(seen, made.contrasts[0])
        if i % 2:
            other, _ = linear_factors(observed(counts[ends], alone), alone.made.contrasts[0])
            seen_by_trend.append(found.p[[1, 6]] < 0.05)
            seen_by_high.append(other.p[[1, 6]] < 0.05)
        else:
            nothing.append(found.p < 0.05)
            covered.append((found.low < 0) & (found.high > 0))
    what = "the same 5 donors" if paired else "5 donors each"
    return [
        f"trend over a vehicle and three doses, {what}",
        f"  type I                           {rate(nothing)}",
        f"  coverage                         {rate(covered)}",
        f"  power, 1.8-fold at the highest   {rate(seen_by_trend)}",
        f"  power, highest dose alone        {rate(seen_by_high)}",
    ]


PARTS: list[Callable[[np.random.Generator, int], list[str]]] = [
    lambda rng, n: confounded(rng, n, 8),
    lambda rng, n: confounded(rng, n, 12),
    lambda rng, n: repeated(rng, n, [2]),
    lambda rng, n: repeated(rng, n, [1, 2, 3]),
    lambda rng, n: interaction(rng, n, paired=False),
    lambda rng, n: interaction(rng, n, paired=True),
    lambda rng, n: power(rng, n, 5),
    lambda rng, n: power(rng, n, 10),
    lambda rng, n: visible(rng, n, 5, paired=False),
    lambda rng, n: visible(rng, n, 10, paired=False),
    lambda rng, n: visible(rng, n, 6, paired=True),
    absolute,
    null_of_the_study,
]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=KEPT, help="studies per line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=("counts", "targets"), default="counts")
    args = parser.parse_args()
    if args.part == "targets":
        n = KEPT_FITTED if args.studies == KEPT else args.studies
        of_targets = list(NOTES)
        for i, paired in enumerate((False, True)):
            rng = np.random.default_rng([args.seed, 100 + i])
            of_targets += [*trend(rng, 2 * KEPT, paired=paired), ""]
        of_targets += shared_and_separate(n, args.seed)
        if n >= KEPT_FITTED:
            publish("designs-targets", "One source against three doses, shared rows", of_targets)
        else:
            sys.stdout.write("\n".join(of_targets) + "\n")
        return
    lines = list(NOTES)
    for i, part in enumerate(PARTS):
        lines += [*part(np.random.default_rng([args.seed, i]), args.studies), ""]
    if args.studies >= KEPT:
        publish("designs", "Designs: covariates, samples of donors, interactions, power", lines)
    else:
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
