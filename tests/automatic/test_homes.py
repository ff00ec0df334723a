"""Parts of clusters go where their links lead."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cgmm.automatic.homes import at_home

#: four groups of ten cells in each of two conditions: A, its parts b and c, and another one, D
GROUPS = np.repeat(np.arange(4), 10)
A, B, C, D = range(4)


def links(strength: dict[tuple[int, int], float]) -> list[sp.csr_matrix]:
    """Return the links of two conditions alike, between groups of cells and within each."""
    table = np.eye(4)
    for (i, j), value in strength.items():
        table[i, j] = table[j, i] = value
    graph = table[GROUPS[:, None], GROUPS]
    np.fill_diagonal(graph, 0.0)
    return [sp.csr_matrix(graph), sp.csr_matrix(graph)]


def moved(clusters: list[int], strength: dict[tuple[int, int], float], *partitions: list[int],
          mass: tuple[float, float, float, float] = (1, 1, 1, 1)) -> list[int]:  # fmt: skip
    """Return the cluster of each group after the move; all cells of a group have the same."""
    both = np.tile(GROUPS, 2)
    found = at_home(
        np.array(clusters)[both],
        [np.array(one)[both] for one in (*partitions, [0, 1, 2, 3])],
        links(strength),
        np.array(mass, dtype=float)[both],
    )
    by_group = [set(found[both == group]) for group in range(4)]
    assert all(len(one) == 1 for one in by_group)
    return [one.pop() for one in by_group]


def test_a_part_goes_where_most_of_its_links_lead() -> None:
    assert moved([0, 1, 0, 1], {(A, B): 0.3, (B, D): 0.1, (A, C): 0.2}, mass=(1, 0.5, 1, 1)) == [
        0, 0, 0, 1,
    ]  # fmt: skip


def test_a_part_with_links_to_both_stays() -> None:
    assert moved([0, 1, 0, 1], {(A, B): 0.2, (B, D): 0.2, (A, C): 0.2}, mass=(1, 0.5, 1, 1)) == [
        0, 1, 0, 1,
    ]  # fmt: skip


def test_the_larger_part_of_a_cluster_stays() -> None:
    """Also where the links of the larger part lead elsewhere: no cluster is emptied."""
    strength = {(A, B): 0.3, (A, C): 0.2, (B, D): 0.0}
    assert moved([0, 1, 0, 1], strength, mass=(1, 3, 1, 1))[B] == 1


def test_two_parts_that_hold_together_move_together() -> None:
    """Most links of b lead to c, and of c to b; a partition that has both in one moves them."""
    strength = {(B, C): 0.9, (A, B): 0.4, (A, C): 0.4, (B, D): 0.05, (C, D): 0.05}
    small = (1, 0.2, 0.2, 1)
    assert moved([0, 1, 1, 1], strength, mass=small) == [0, 1, 1, 1]
    assert moved([0, 1, 1, 1], strength, [0, 0, 0, 1], mass=small) == [0, 0, 0, 1]


def test_cells_without_links_stay() -> None:
    assert moved([0, 1, 0, 1], {}) == [0, 1, 0, 1]
