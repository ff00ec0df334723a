"""Communities are joined where votes and links on both sides say so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils.leiden import condensed
from cgmm.automatic.communities import groups_of, joint_table, merged
from cgmm.automatic.origins import DrawnCells

CELLS = 20  # of every community on every side


def spread(table: Sequence[Sequence[float]]) -> sp.csr_matrix:
    """Give every cell of a community the same part of its entries."""
    return sp.csr_matrix(np.kron(np.asarray(table, float), np.ones((CELLS, CELLS)) / CELLS))


def sums(
    shares: tuple[Sequence[float], Sequence[float]],
    votes: Sequence[Sequence[float]],
    links: tuple[Sequence[Sequence[float]], Sequence[Sequence[float]]],
) -> np.ndarray:
    """Return the community into which each of the given communities is merged.

    ``votes`` are parts of the target cells of a row that came from a column; ``links`` parts of
    the links of a row that lead to a column, before they are made symmetric.
    """
    sides, scaled = [], []
    for share, one in zip(shares, links, strict=True):
        weights = np.repeat(np.asarray(share) / CELLS, CELLS)
        sides.append(DrawnCells(np.zeros((len(weights), 1)), weights))
        mass = np.asarray(share)[:, None] * np.asarray(one, float)
        scaled.append(spread((mass + mass.T) / 2 / CELLS))
    labels = np.tile(np.repeat(np.arange(len(shares[0])), CELLS), 2)
    found = merged(labels, [groups_of(one, None) for one in sides], [spread(votes)], scaled)
    return found[: CELLS * len(shares[0]) : CELLS]


APART = np.eye(3)


def test_communities_without_connection_stay_apart() -> None:
    shares = (0.5, 0.3, 0.2), (0.4, 0.4, 0.2)
    assert sums(shares, APART, (APART, APART)).tolist() == [0, 1, 2]


def test_votes_alone_must_be_many_to_join_two() -> None:
    shares = (0.5, 0.3, 0.2), (0.5, 0.3, 0.2)
    few, many = (np.array([[1, 0, 0], [0, 1 - x, x], [0, x, 1 - x]]) for x in (0.2, 0.5))
    assert sums(shares, few, (APART, APART)).tolist() == [0, 1, 2]
    assert sums(shares, many, (APART, APART)).tolist() == [0, 1, 1]


def test_a_part_that_lost_its_cells_is_not_drawn_to_a_population_that_grew() -> None:
    """Most votes for the third come by mistake from the second, whose target is huge."""
    shares = (0.93, 0.035, 0.035), (0.14, 0.85, 0.01)
    votes = [[0.95, 0.0, 0.05], [0.01, 0.975, 0.015], [0.1, 0.3, 0.6]]
    near_first = [[1, 0, 0], [0, 1, 0], [0.2, 0.02, 0.78]]
    between = [[1, 0, 0], [0, 1, 0], [0.2, 0.2, 0.6]]
    assert sums(shares, votes, (near_first, between)).tolist() == [0, 1, 0]


def test_a_community_that_does_not_keep_its_votes_joins_the_one_that_it_changes_less() -> None:
    shares = (0.9, 0.05, 0.05), (0.2, 0.75, 0.05)
    votes = [[0.93, 0.0, 0.07], [0.0, 0.98, 0.02], [0.25, 0.25, 0.5]]
    links = [[1, 0, 0], [0, 1, 0], [0.06, 0.06, 0.88]]
    assert sums(shares, votes, (links, links)).tolist() == [0, 1, 0]


def test_what_is_gone_or_new_has_no_votes_and_stands_alone() -> None:
    shares = (0.7, 0.3, 0.0), (0.8, 0.0, 0.2)
    votes = [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    links = [[1, 0, 0], [0.05, 0.95, 0], [0.05, 0, 0.95]]
    assert sums(shares, votes, (links, links)).tolist() == [0, 1, 2]


def test_small_communities_join_what_they_are_linked_with() -> None:
    rng = np.random.default_rng(0)
    labels0, labels1 = np.repeat([0, 1, 2], [60, 60, 6]), np.repeat([0, 1, 2], [60, 60, 6])
    n = len(labels0)
    sides = [DrawnCells(rng.normal(size=(n, 2)), np.full(n, 1 / n)) for _ in range(2)]
    same = labels0[:, None] == labels0
    near = (
        same
        | ((labels0[:, None] == 2) & (labels0 == 1))
        | ((labels0[:, None] == 1) & (labels0 == 2))
    )
    links = sp.csr_matrix(near / near.sum())
    votes = sp.csr_matrix(same / same.sum(axis=1, keepdims=True))
    groups = [groups_of(one, None) for one in sides]
    found = merged(np.concatenate([labels0, labels1]), groups, [votes], [links, links])
    assert found[:n:60][:2].tolist() == [0, 1]
    assert (found[labels0.size - 6 : labels0.size] == 1).all()


@pytest.mark.parametrize("n_targets", [1, 2])
def test_the_table_of_votes_sums_to_one_for_each_target(n_targets: int) -> None:
    rng = np.random.default_rng(0)
    sides = [
        DrawnCells(rng.normal(size=(30, 2)), np.full(30, 1 / 30)) for _ in range(1 + n_targets)
    ]
    votes = [sp.csr_matrix(rng.dirichlet(np.ones(30), 30)) for _ in range(n_targets)]
    table = joint_table(rng.integers(0, 3, 30 * (1 + n_targets)), sides, votes)
    assert table.shape == (n_targets, 3, 3)
    np.testing.assert_allclose(table.sum(axis=(1, 2)), 1.0)


def test_groups_of_cells_are_joined_as_their_cells_are() -> None:
    rng = np.random.default_rng(0)
    n, groups, donors = 120, np.repeat(np.arange(30), 4), np.tile(["a", "b", "c"], 40)
    weights = rng.dirichlet(np.full(n, 5.0), 2)
    sides = [DrawnCells(np.zeros((n, 1)), own) for own in weights]
    tables = [rng.random((n, n)) * (rng.random((n, n)) < 0.2) for _ in range(3)]
    links = [sp.csr_matrix((one + one.T) / (2 * one.sum())) for one in tables[:2]]
    votes = sp.csr_matrix(tables[2] / tables[2].sum(axis=1, keepdims=True))
    of_groups = rng.integers(0, 5, 60)
    of_cells = np.concatenate([of_groups[:30][groups], of_groups[30:][groups]])
    small = [groups_of(one, donors, groups) for one in sides]
    alone = [groups_of(one, donors) for one in sides]
    moved = condensed(sp.diags(weights[1]) @ votes, groups, groups)
    mean = sp.diags(1 / small[1].weights) @ moved
    whole = merged(of_cells, alone, [votes], links)
    found = merged(of_groups, small, [mean], [condensed(x, groups, groups) for x in links])
    np.testing.assert_array_equal(found[:30][groups], whole[:n])
    np.testing.assert_array_equal(found[30:][groups], whole[n:])
