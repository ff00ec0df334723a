from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.genes.pseudobulk import Pseudobulk, pseudobulk, samples
from cgmm.thresholds import MIN_CELLS_PER_SUM


def sums(cells: dict[str, float], *, fill: int = 0) -> Pseudobulk:
    n = np.array(list(cells.values()))
    return Pseudobulk(np.full((1, len(n), 3), fill), n[None], np.array(list(cells), dtype=object))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_array])
def test_sums_are_those_of_the_definition(kind: type) -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, size=(60, 5)).astype(np.float32)
    weights = rng.dirichlet(np.full(3, 0.2), size=60)
    weights[0] = [0.0, 0.995, 0.005]  # the last is left out
    donors = rng.choice(["b", "a", "c"], size=60)
    found = pseudobulk(kind(counts), weights, donors)
    assert list(found.donors) == ["a", "b", "c"]
    assert np.issubdtype(found.counts.dtype, np.integer)
    heavy = np.where(weights >= 0.01, weights, 0.0)
    for k in range(3):
        for d, name in enumerate(found.donors):
            rows = donors == name
            np.testing.assert_array_equal(
                found.counts[k, d], np.rint(heavy[rows, k] @ counts[rows])
            )
            assert found.cells[k, d] == pytest.approx(heavy[rows, k].sum())


def test_paired_donors_are_those_with_enough_cells_in_both() -> None:
    source = sums({"a": 20, "b": 20, "c": 20, "d": 5, "e": 30})
    target = sums({"a": 20, "b": 20, "c": MIN_CELLS_PER_SUM, "d": 50}, fill=1)
    found, reason = samples(source, target, 0)
    assert reason == ""
    assert list(found.donors) == ["a", "b", "c"] * 2
    np.testing.assert_array_equal(found.treated, [False] * 3 + [True] * 3)
    np.testing.assert_array_equal(found.counts[:, 0], [0] * 3 + [1] * 3)
    apart, _ = samples(source, target, 0, paired=False)
    assert apart.donors is None
    assert apart.treated.sum() == 4
    assert len(apart.treated) == 8


@pytest.mark.parametrize(
    ("paired", "words"),
    [
        (True, r"Only 2 donors with 10 cells or more in both conditions; .* at least 3"),
        (None, r"Only 2 donors of the source and 3 donors of the target .* at least 3"),
    ],
)
def test_fewer_than_three_donors_make_no_test(paired: bool | None, words: str) -> None:
    source = sums({"a": 20, "b": 20, "c": 9})
    found, reason = samples(source, sums({"a": 20, "b": 20, "x": 20}), 0, paired=paired)
    assert found is None
    assert re.match(words, reason)
