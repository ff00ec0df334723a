"""The consensus keeps together what most partitions keep together."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.consensus import consensus

KINDS = np.repeat([0, 1, 2], 20)
EVEN = np.full(60, 1 / 60)


def same_sets(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(((one[:, None] == one) == (other[:, None] == other)).all())


def test_the_consensus_of_equal_partitions_is_the_partition() -> None:
    renamed = np.array([2, 0, 1])[KINDS]
    assert same_sets(consensus([KINDS, renamed, KINDS], EVEN), KINDS)


def test_a_split_that_few_partitions_make_is_not_made() -> None:
    cut = KINDS.copy()
    cut[:7] = 3
    assert same_sets(consensus([KINDS, cut, KINDS], EVEN), KINDS)
    assert same_sets(consensus([cut, cut, KINDS], EVEN), cut)


def test_a_group_goes_where_most_partitions_put_it() -> None:
    runs = []
    for home in (1, 1, 0, 2, 1):
        run = KINDS.copy()
        run[:5] = home
        runs.append(run)
    found = consensus(runs, EVEN)
    assert found[0] == found[25] != found[10]


def test_a_group_that_partitions_move_about_stands_alone() -> None:
    runs = []
    for home in (0, 1, 2):
        run = KINDS.copy()
        run[:5] = home
        runs.append(run)
    found = consensus(runs, EVEN)
    assert len(np.unique(found)) == 4
    assert (found[:5] == found[0]).all()


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_single_cells_is_voted_down(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs = [np.where(rng.random(60) < 0.1, rng.integers(0, 3, 60), KINDS) for _ in range(9)]
    found = consensus(runs, EVEN)
    largest = [np.bincount(found[k == KINDS]).max() for k in range(3)]
    assert sum(largest) >= 57
