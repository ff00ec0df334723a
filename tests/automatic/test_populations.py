"""Populations: sets of cells of both conditions whose factors the data tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.automatic.communities import groups_of, joint_table, merged
from cgmm.automatic.graphs import joint_graph, neighbour_graph, within_links
from cgmm.automatic.origins import DrawnCells
from cgmm.automatic.populations import Populations, find_populations, find_shared

FAR = 14.0
DIMS = 6


def cells(
    counts: dict[int, int], rng: np.random.Generator, shift: float = 0.0, lean: float = 0.5
) -> tuple[DrawnCells, np.ndarray, np.ndarray]:
    """Cells of kinds that lie far apart; kind 0 is long, ``lean`` of it in its upper half."""
    kind = np.repeat(list(counts), list(counts.values()))
    points = rng.normal(size=(len(kind), DIMS))
    points[:, 0] += FAR * kind
    points[:, 1] += shift
    upper = rng.random(len(kind)) < lean
    along = np.abs(rng.normal(scale=2.0, size=len(kind))) * np.where(upper, 1, -1)
    points[:, 2] = np.where(kind == 0, along, points[:, 2])
    part = np.where(kind == 0, upper.astype(int), kind + 1)
    return DrawnCells(points, np.full(len(kind), 1 / len(kind))), kind, part


def votes_of(source: DrawnCells, target: DrawnCells, shift: float, n: int = 10) -> sp.csr_matrix:
    """Each target cell votes for the source cells nearest to where it came from."""
    gap = np.square(target.points[:, None] - source.points - shift * np.eye(DIMS)[1]).sum(-1)
    nearest = gap.argsort(1)[:, :n]
    rows = np.repeat(np.arange(len(target.points)), n)
    shape = (len(target.points), len(source.points))
    return sp.csr_matrix((np.full(rows.size, 1 / n), (rows, nearest.ravel())), shape)


def links_of(*sides: DrawnCells) -> list[sp.csr_matrix]:
    """Links within each condition."""
    return within_links(sides, [neighbour_graph(one.points, None) for one in sides])


def found(
    before: dict[int, int],
    after: dict[int, int],
    *,
    lean: float = 0.5,
    without_origin: tuple[int, ...] = (),
) -> tuple[Populations, np.ndarray, np.ndarray]:
    """Populations of simulated cells that moved by three, with the kinds of the cells."""
    rng = np.random.default_rng(0)
    source, kind0, _ = cells(before, rng)
    target, kind1, _ = cells(after, rng, shift=3.0, lean=lean)
    votes = sp.diags((~np.isin(kind1, without_origin)).astype(float)) @ votes_of(
        source, target, 3.0
    )
    return find_populations(source, target, [votes]), kind0, kind1


def population_of(labels: np.ndarray, kind: np.ndarray, one: int) -> int:
    """Population that holds the cells of a kind, and hardly any others."""
    values, counts = np.unique(labels[kind == one], return_counts=True)
    best = int(values[counts.argmax()])
    assert counts.max() >= 0.95 * counts.sum()
    assert (kind[labels == best] == one).mean() >= 0.95
    return best


def test_a_population_whose_parts_change_in_opposite_ways_is_one_population() -> None:
    # the upper part of kind 0 grows and the lower part shrinks: a change of state
    both, *_ = found({0: 300, 1: 300}, {0: 300, 1: 300}, lean=0.85)
    assert both.n_populations == 2
    np.testing.assert_allclose(both.log2_net, 0.0, atol=0.1)
    np.testing.assert_allclose(both.alternatives, 0.0, atol=0.1)


def test_populations_that_change_differently_stay_apart() -> None:
    one, kind0, kind1 = found({0: 200, 1: 200, 2: 200}, {0: 80, 1: 320, 2: 200})
    assert one.n_populations == 3
    for kind, change in ((0, 80 / 200), (1, 320 / 200), (2, 1.0)):
        p = population_of(one.of_source_cells, kind0, kind)
        assert population_of(one.of_target_cells, kind1, kind) == p
        assert one.log2_net[p] == pytest.approx(np.log2(change), abs=0.1)


def test_a_rare_population_with_a_large_change_does_not_drown() -> None:
    one, kind0, _ = found({0: 500, 1: 500, 2: 30}, {0: 60, 1: 300, 2: 640})
    p = population_of(one.of_source_cells, kind0, 2)
    assert one.log2_net[p] == pytest.approx(np.log2(640 / 1000 * 1030 / 30), abs=0.2)


def test_populations_of_one_condition_are_gone_or_new() -> None:
    one, kind0, kind1 = found({0: 300, 1: 100}, {0: 300, 3: 100}, without_origin=(3,))
    gone = population_of(one.of_source_cells, kind0, 1)
    new = population_of(one.of_target_cells, kind1, 3)
    assert gone != new
    assert one.log2_net[gone] < -4
    assert one.log2_net[new] > 4


def test_factors_are_counted_over_the_cells_and_larger_populations_come_first() -> None:
    one, *_ = found({0: 200, 1: 300, 2: 100}, {0: 80, 1: 320, 2: 200})
    n0, n1 = len(one.of_source_cells), len(one.of_target_cells)
    before = np.bincount(one.of_source_cells) / n0
    after = np.bincount(one.of_target_cells) / n1
    wanted = np.log2(after + 0.5 / n1) - np.log2(before + 0.5 / n0)
    np.testing.assert_allclose(one.log2_net, wanted)
    assert (np.diff(before + after) <= 0).all()


@pytest.mark.parametrize(("crossing", "n"), [(0.22, 2), (0.9, 1)])
def test_communities_with_factors_far_apart_stay_apart_unless_more_votes_cross(
    crossing: float, n: int
) -> None:
    rng = np.random.default_rng(0)
    source, kind0, _ = cells({1: 200, 2: 200}, rng)
    target, kind1, _ = cells({1: 382, 2: 18}, rng)
    own = votes_of(source, target, 0.0)
    other = sp.csr_matrix(np.tile((kind0 == 1) / 200, (len(kind1), 1)))
    part = np.where(kind1 == 2, crossing, 0.0)
    votes = sp.diags(1 - part) @ own + sp.diags(part) @ other
    sides = source, target
    groups = [groups_of(one, None) for one in sides]
    labels = merged(np.concatenate([kind0, kind1]), groups, [votes.tocsr()], links_of(*sides))
    assert labels.max() + 1 == n


def test_populations_do_not_depend_on_the_order_of_the_cells() -> None:
    rng = np.random.default_rng(0)
    source, *_ = cells({0: 120, 1: 120, 2: 60}, rng)
    target, *_ = cells({0: 60, 1: 120, 2: 120}, rng)
    votes = votes_of(source, target, 0.0)
    first = find_populations(source, target, [votes])
    order = rng.permutation(len(source.points))
    mixed = DrawnCells(source.points[order], source.weights[order])
    other = find_populations(mixed, target, [votes[:, order]])
    np.testing.assert_allclose(
        first.log2_net[first.of_source_cells][order], other.log2_net[other.of_source_cells]
    )


def test_the_two_conditions_and_the_votes_weigh_the_same_in_the_graph() -> None:
    rng = np.random.default_rng(0)
    source, target = cells({0: 90, 1: 30}, rng)[0], cells({0: 40, 1: 200}, rng)[0]
    sides = source, target
    graph = joint_graph(links_of(*sides), sides, [votes_of(source, target, 0.0)])
    n = len(source.points)
    parts = graph[:n, :n].sum(), graph[n:, n:].sum(), graph[:n, n:].sum(), graph[n:, :n].sum()
    np.testing.assert_allclose(parts, parts[0])
    assert abs(graph - graph.T).max() < 1e-9


def test_neighbours_come_evenly_from_the_donors() -> None:
    rng = np.random.default_rng(0)
    donors = np.repeat(["a", "b", "c"], 60)
    points = rng.normal(size=(180, 3)) + 30.0 * np.repeat(np.eye(3), 60, axis=0)
    plain, even = neighbour_graph(points, None), neighbour_graph(points, donors)
    same = donors[:, None] == donors
    assert plain.multiply(~same).sum() == 0
    assert even.multiply(~same).sum() > 0


@pytest.mark.parametrize("three_donors", [True, False])
def test_clusters_of_single_donors_are_merged_where_donors_can_tell(three_donors: bool) -> None:
    rng = np.random.default_rng(0)
    source, kind0, _ = cells({1: 60, 2: 60, 3: 60}, rng)
    target, kind1, _ = cells({1: 60, 2: 60, 3: 60}, rng)
    names = [np.array([f"d{k}" for k in kind]) for kind in (kind0, kind1)]
    donors = (names[0], names[1]) if three_donors else (None, None)
    sides = source, target
    votes = votes_of(source, target, 0.0)
    groups = [groups_of(*one) for one in zip(sides, donors, strict=True)]
    labels = merged(np.concatenate([kind0, kind1]), groups, [votes], links_of(*sides))
    assert labels.max() + 1 == (1 if three_donors else 3)


def test_communities_that_share_their_votes_are_merged() -> None:
    rng = np.random.default_rng(0)
    source, kind0, _ = cells({1: 200, 2: 100}, rng)
    target, kind1, _ = cells({1: 200, 2: 100}, rng)
    votes = votes_of(source, target, 0.0)
    sides = source, target
    halves = np.concatenate([rng.integers(0, 2, len(kind0)), rng.integers(0, 2, len(kind1))])
    kinds = np.concatenate([kind0, kind1])
    cut = np.where(kinds == 2, 2, halves)  # kind 1 at random into two
    groups = [groups_of(one, None) for one in sides]
    labels = merged(cut, groups, [votes], links_of(*sides))
    assert np.array_equal(labels == labels[0], kinds == 1)
    table = joint_table(labels, sides, [votes])
    np.testing.assert_allclose(table.sum(), 1.0)


def test_populations_of_several_targets_are_the_same_sets_of_source_cells() -> None:
    rng = np.random.default_rng(0)
    source, kind0, _ = cells({0: 200, 1: 100, 2: 80}, rng)
    drawn = [
        cells({0: 150, 1: 100, 2: 80}, rng, shift=3.0),
        cells({0: 150, 1: 30, 2: 160, 3: 60}, rng, shift=3.0),  # kind 3 is only there
    ]
    targets = [one[0] for one in drawn]
    votes = [[votes_of(source, one, 3.0)] for one in targets]
    lost = sp.diags((drawn[1][1] != 3).astype(float))
    votes[1] = [lost @ votes[1][0]]
    first, second = find_shared((source, *targets), votes, donors=(None, None, None))
    np.testing.assert_array_equal(first.of_source_cells, second.of_source_cells)
    for kind in (0, 1, 2):
        one = population_of(first.of_source_cells, kind0, kind)
        for found, (_, own, _) in zip((first, second), drawn, strict=True):
            assert population_of(found.of_target_cells, own, kind) == one
            share = np.mean(own == kind) / np.mean(kind0 == kind)
            assert found.log2_net[one] == pytest.approx(np.log2(share), abs=0.2)
    new = population_of(second.of_target_cells, drawn[1][1], 3)
    assert not (first.of_source_cells == new).any()
    assert not (first.of_target_cells == new).any()
    assert first.alternatives.shape == second.alternatives.shape == (6, first.n_populations)
    assert np.isfinite(first.alternatives).all()
