r"""Populations: the finest sets of cells whose change of prevalence the data tell apart.

Components are Gaussian, so a population that is not Gaussian is divided into several components. A
change of state within the population then looks like the growth of one component and the loss of
another. Populations are therefore found in one graph of the cells of both conditions:

* Within a condition, a cell is linked to its nearest neighbours (:mod:`cgmm._utils.neighbours`).
  The same number of neighbours is taken from each donor, because cells of one donor also lie
  together for technical and individual reasons.
* Between the conditions, a target cell is linked to the source cells to which it is assigned
  (:mod:`cgmm.automatic.origins`). The assignments are called votes here.

The links within each condition and the votes have the same total weight, so votes keep a rare
source population together that has become frequent. Communities of the graph are Leiden clusters
for modularity (Traag, Waltman & van Eck 2019, Sci. Rep. 9:5233). Modularity prefers to put a small
community to another small one, although it has more links to a large one, and two runs of Leiden
differ there. So the clusters are fine, communities that the data do not separate are joined
(:mod:`cgmm.automatic.communities`), and this search is repeated at two resolutions and from several
seeds. The populations are the consensus of the searches (:mod:`cgmm.automatic.consensus`), in which
parts that votes drew to a neighbour go back (:mod:`cgmm.automatic.homes`) and communities are
joined once more.

A population has cells of both conditions, so its factor is the ratio of its two shares, counted
over cells. Nothing else of the fit enters the factor.

One source and several targets have one graph of all their cells (:func:`find_shared`), so a
population is the same set of source cells in every comparison. Links within the source then weigh
as much as its votes from all targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cgmm._utils.leiden import Network, condensed
from cgmm.automatic.communities import groups_of, merged, split
from cgmm.automatic.consensus import consensus
from cgmm.automatic.graphs import joint_graph, neighbour_graph, within_links
from cgmm.automatic.homes import at_home
from cgmm.automatic.origins import DrawnCells, mean_votes
from cgmm.thresholds import MAX_LOG2_NET
from cgmm.transport.coupling import divide

RESOLUTIONS = (2.0, 1.0)
N_SEEDS = 3  # at each resolution
N_SEARCHES = N_SEEDS * len(RESOLUTIONS)


@dataclass(frozen=True)
class Populations:
    """Populations of a comparison.

    Attributes
    ----------
    of_source_cells, of_target_cells
        Population (0, 1, ... P - 1) of every cell, shapes (N0,) and (N1,); larger populations have
        smaller numbers.
    log2_net
        Log2 of the share in the target over the share in the source, shape (P,). Half a cell is
        added to both shares, so every value is finite.
    alternatives
        Log2 factor at the cells of each population under every single search, and under a search
        that sees the votes of one partition alone, less ``log2_net``, shape (n_alternatives, P):
        the mean over the cells of the population, in which both conditions weigh as much as their
        shares. Factors are cut to 16-fold first, so a loss that all see makes no difference.
    """

    of_source_cells: np.ndarray
    of_target_cells: np.ndarray
    log2_net: np.ndarray
    alternatives: np.ndarray

    @property
    def n_populations(self) -> int:
        """Number of populations, ``P``."""
        return len(self.log2_net)


def find_populations(
    source: DrawnCells,
    target: DrawnCells,
    votes: Sequence[sp.csr_matrix],
    *,
    donors_source: np.ndarray | None = None,
    donors_target: np.ndarray | None = None,
    random_state: int = 0,
) -> Populations:
    """Find the populations of both conditions together.

    Parameters
    ----------
    source, target
        The cells.
    votes
        Votes of the target cells under each partition, shapes (N1, N0)
        (:func:`cgmm.automatic.origins.assign_to_images`). Rows of target cells whose component is
        new are zero.
    donors_source, donors_target
        Donor of every cell, shapes (N0,) and (N1,), or None.
    random_state
        First seed of the clusters.

    Returns
    -------
    Populations
    """
    [found] = find_shared(
        (source, target),
        [votes],
        donors=(donors_source, donors_target),
        random_state=random_state,
    )
    return found


def find_shared(
    sides: Sequence[DrawnCells],
    votes: Sequence[Sequence[sp.csr_matrix]],
    *,
    donors: Sequence[np.ndarray | None],
    random_state: int = 0,
) -> list[Populations]:
    """Find the populations of a source and several targets together.

    Parameters
    ----------
    sides
        The cells of the source, then of every target.
    votes
        For every target, the votes of its cells under each partition, shapes (N_t, N0). Targets
        have the same number of partitions.
    donors
        Donor of every cell of each condition, or None.
    random_state
        As in :func:`find_populations`.

    Returns
    -------
    The populations of every comparison. Source cells have the same populations in all of them.
    """
    graphs = [neighbour_graph(one.points, who) for one, who in zip(sides, donors, strict=True)]
    links = within_links(sides, graphs)
    cells = [groups_of(*one) for one in zip(sides, donors, strict=True)]
    mean = [mean_votes(of_target) for of_target in votes]
    graph = Network(joint_graph(links, sides, mean))
    fine = [
        graph.leiden(resolution=resolution, random_state=seed)
        for resolution in RESOLUTIONS
        for seed in range(random_state, random_state + N_SEEDS)
    ]
    runs = [merged(one, cells, mean, links) for one in fine]
    weights = np.concatenate([one.weights for one in sides])
    agreed = at_home(consensus(runs, weights), fine, links, weights)
    labels = _by_size(merged(agreed, cells, mean, links), sides)
    if len(votes[0]) > 1:
        runs += _by_partition(sides, donors, links, votes, random_state)
    log2_net, others = _log2_net(labels, sides), [_log2_net(run, sides) for run in runs]
    parts = split(labels, sides)
    return [
        Populations(
            parts[0],
            own,
            log2_net[t],
            _alternatives(labels, runs, [one[t] for one in others], sides, t) - _cut(log2_net[t]),
        )
        for t, own in enumerate(parts[1:])
    ]


def _cut(log2_net: np.ndarray) -> np.ndarray:
    return np.clip(log2_net, -MAX_LOG2_NET, MAX_LOG2_NET)


def _by_partition(
    sides: Sequence[DrawnCells],
    donors: Sequence[np.ndarray | None],
    links: Sequence[sp.csr_matrix],
    votes: Sequence[Sequence[sp.csr_matrix]],
    random_state: int,
) -> list[np.ndarray]:
    """Return the communities of searches that see the votes of one partition alone, (N,) each.

    These searches move small groups of linked cells, not single cells.
    """
    group = [Network(one).small_groups(random_state) for one in links]
    groups = [groups_of(*one) for one in zip(sides, donors, group, strict=True)]
    small = [condensed(one, own, own) for one, own in zip(links, group, strict=True)]
    starts = np.cumsum([0, *(len(one.weights) for one in groups[:-1])])
    of_cells = np.concatenate([one + start for one, start in zip(group, starts, strict=True)])

    def means(own: sp.csr_matrix, t: int) -> sp.csr_matrix:
        total = condensed(sp.diags(sides[t].weights) @ own, group[t], group[0])
        return sp.diags(1 / groups[t].weights) @ total

    found = []
    for of_partition in zip(*votes, strict=True):
        mean = [means(own, t) for t, own in enumerate(of_partition, 1)]
        graph = Network(joint_graph(small, groups, mean))
        labels = graph.leiden(resolution=RESOLUTIONS[0], random_state=random_state)
        found.append(merged(labels, groups, mean, small)[of_cells])
    return found


def _alternatives(
    labels: np.ndarray,
    runs: Sequence[np.ndarray],
    log2_net: Sequence[np.ndarray],
    sides: Sequence[DrawnCells],
    t: int,
) -> np.ndarray:
    """Return the factors of the populations in target ``t`` under other choices, (n, P).

    ``log2_net`` has the factors of the communities of every other choice in this target.
    """
    sizes = [len(one.points) for one in sides]
    start = sum(sizes[: t + 1])
    cells = np.r_[: sizes[0], start : start + sizes[t + 1]]
    weights = np.concatenate([sides[0].weights, sides[t + 1].weights])
    n = int(labels.max()) + 1
    total = np.bincount(labels[cells], weights, n)
    return np.array(
        [
            divide(np.bincount(labels[cells], weights * _cut(factors)[run[cells]], n), total)
            for run, factors in zip(runs, log2_net, strict=True)
        ]
    )


def _shares(labels: np.ndarray, sides: Sequence[DrawnCells]) -> np.ndarray:
    """Return the shares of the populations in every condition, shape (1 + n_targets, P)."""
    n = int(labels.max()) + 1
    return np.stack(
        [
            np.bincount(part, one.weights, n)
            for part, one in zip(split(labels, sides), sides, strict=True)
        ]
    )


def _log2_net(labels: np.ndarray, sides: Sequence[DrawnCells]) -> np.ndarray:
    """Return log2 of the share of each population in each target over the source, (T, P)."""
    half = np.array([[0.5 / len(one.points)] for one in sides])
    logs = np.log2(_shares(labels, sides) + half)
    return logs[1:] - logs[0]


def _by_size(labels: np.ndarray, sides: Sequence[DrawnCells]) -> np.ndarray:
    """Return labels that number the populations from the largest to the smallest."""
    order = np.argsort(-_shares(labels, sides).sum(axis=0), kind="stable")
    return np.argsort(order)[labels]
