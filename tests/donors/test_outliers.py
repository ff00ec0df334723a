"""Donors whose share lies outside those of the others by more than chance."""

from __future__ import annotations

import numpy as np

from cgmm.donors.design import Design, design
from cgmm.donors.outliers import share_outliers
from cgmm.thresholds import OUTSIDE

K = 8


def plan_of(n: tuple[int, int]) -> Design:
    names = [
        np.repeat([f"{side}{i}" for i in range(m)], 30) for side, m in zip("st", n, strict=True)
    ]
    return design(*names, paired=False)


def drawn(rng: np.random.Generator, n: int, spread: float = 0.2) -> np.ndarray:
    base = rng.dirichlet(np.full(K, 3.0)) + 0.02
    rows = base * np.exp(rng.normal(0, spread, (n, K)))
    return np.array([rng.multinomial(1500, row / row.sum()) for row in rows])


def test_a_donor_with_another_share_is_found_and_named() -> None:
    counts = drawn(np.random.default_rng(3), 8)
    counts[1, 2] = counts[1, 2] * 8 + 60
    found = share_outliers(counts, plan_of((4, 4)))
    assert len(found) == 8 * K
    outside = found.loc[found["q"] < OUTSIDE]
    assert outside[["donor", "side", "population"]].to_numpy().tolist() == [["s1", "source", 2]]


def test_donors_that_differ_by_chance_are_rarely_outside() -> None:
    rng = np.random.default_rng(0)
    plan = plan_of((4, 4))
    called = [(share_outliers(drawn(rng, 8), plan)["q"] < OUTSIDE).any() for _ in range(60)]
    assert np.mean(called) <= 0.1


def test_a_share_between_those_of_others_is_never_outside() -> None:
    counts = drawn(np.random.default_rng(5), 6, spread=0.05)
    found = share_outliers(counts, plan_of((3, 3)))
    shares = counts / counts.sum(axis=1, keepdims=True)
    for row in found.itertuples():
        unit = ["s0", "s1", "s2", "t0", "t1", "t2"].index(row.donor)
        own = slice(0, 3) if row.side == "source" else slice(3, 6)
        others = np.delete(shares[own, row.population], unit % 3)
        if others.min() < shares[unit, row.population] < others.max():
            assert row.q == 1.0


def test_two_donors_cannot_say_who_is_outside() -> None:
    assert share_outliers(drawn(np.random.default_rng(0), 5), plan_of((3, 2))).empty
