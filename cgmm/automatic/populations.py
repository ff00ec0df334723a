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
communities are joined once more.

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

from cgmm._utils.neighbours import Network, fuzzy_graph, nearest
from cgmm.automatic.communities import merged, split
from cgmm.automatic.consensus import consensus
from cgmm.automatic.origins import DrawnCells
from cgmm.thresholds import MAX_LOG2_NET
from cgmm.transport.coupling import divide

N_NEIGHBOURS = 15
MIN_PER_DONOR = 2
RESOLUTIONS = (2.0, 1.0)
N_SEEDS = 3  # at each resolution
N_SEARCHES = N_SEEDS * len(RESOLUTIONS)
SCALE = 1e5  # factor that makes strengths of links about one, as igraph needs them


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
    links = within_links(
        sides, [neighbour_graph(one.points, who) for one, who in zip(sides, donors, strict=True)]
    )

    every = list(range(len(votes[0])))

    def mean_of(chosen: Sequence[int]) -> list[sp.csr_matrix]:
        return [_mean([of_target[i] for i in chosen]) for of_target in votes]

    def searched(
        mean: list[sp.csr_matrix], choices: Sequence[tuple[float, int]]
    ) -> list[np.ndarray]:
        graph = Network(sp.triu(joint_graph(links, sides, mean)))
        clusters = [graph.leiden(resolution=gamma, random_state=seed) for gamma, seed in choices]
        return [merged(one, sides, donors, mean, links) for one in clusters]

    seeds = range(random_state, random_state + N_SEEDS)
    mean = mean_of(every)
    runs = searched(mean, [(resolution, seed) for resolution in RESOLUTIONS for seed in seeds])
    agreed = consensus(runs, np.concatenate([one.weights for one in sides]))
    labels = _by_size(merged(agreed, sides, donors, mean, links), sides)
    if len(every) > 1:
        for i in every:
            runs += searched(mean_of([i]), [(RESOLUTIONS[0], random_state)])
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


def _mean(votes: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    return sum(votes[1:], votes[0]) / len(votes)


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


def neighbour_graph(points: np.ndarray, donors: np.ndarray | None) -> sp.csr_matrix:
    """Return the graph of nearest neighbours, with as many neighbours from each donor.

    Parameters
    ----------
    points
        Shape (N, D).
    donors
        Donor of every cell, shape (N,), or None: nearest neighbours of any donor.

    Returns
    -------
    Symmetric matrix, shape (N, N), from :func:`cgmm._utils.neighbours.fuzzy_graph`.
    """
    from sklearn.neighbors import NearestNeighbors

    n_neighbors = min(N_NEIGHBOURS, len(points) - 1)
    names = np.unique(donors) if donors is not None else np.zeros(1)
    if len(names) == 1 or donors is None:
        return fuzzy_graph(*nearest(points, n_neighbors))
    each = max(MIN_PER_DONOR, -(-(n_neighbors - 1) // len(names)))
    positions, distances = [], []
    for name in names:
        inside = np.flatnonzero(donors == name)
        if len(inside) <= each:
            continue
        search = NearestNeighbors(n_neighbors=each + 1, algorithm="brute").fit(points[inside])
        far, found = search.kneighbors(points)
        found = inside[found]
        # the first neighbour of a cell of this donor is the cell itself; other cells drop the last
        own = (donors == name)[:, None]
        positions.append(np.where(own, found[:, 1:], found[:, :-1]))
        distances.append(np.where(own, far[:, 1:], far[:, :-1]))
    if not positions:
        return fuzzy_graph(*nearest(points, n_neighbors))
    found, far = np.hstack(positions), np.hstack(distances)
    order = far.argsort(axis=1)
    itself = np.arange(len(points))[:, None]
    return fuzzy_graph(
        np.hstack([itself, np.take_along_axis(found, order, 1)]),
        np.hstack([0.0 * itself, np.take_along_axis(far, order, 1)]).astype(np.float32),
    )


def within_links(
    sides: Sequence[DrawnCells], within: Sequence[sp.csr_matrix]
) -> list[sp.csr_matrix]:
    """Return the links within each condition, scaled to sum to one.

    The links of a cell are divided by the root of its degree, and multiplied by the root of its
    weight, on either end.
    """
    blocks = []
    for one, graph in zip(sides, within, strict=True):
        degree = np.asarray(graph.sum(axis=1)).ravel()
        root = sp.diags(np.sqrt(divide(one.weights, degree)))
        scaled = root @ graph @ root
        blocks.append((scaled / scaled.sum()).tocsr())
    return blocks


def joint_graph(
    links: Sequence[sp.csr_matrix], sides: Sequence[DrawnCells], votes: Sequence[sp.csr_matrix]
) -> sp.csr_matrix:
    """Return the graph of the cells of all conditions, source first, shape (N, N).

    Up to one common factor, the links within each target (:func:`within_links`) sum to one, and its
    votes in each direction sum to one, or to less where target cells have no votes. The links
    within the source sum to the number of targets.
    """
    n = len(votes)
    across = [sp.diags(one.weights) @ own for one, own in zip(sides[1:], votes, strict=True)]
    rows = [[n * links[0], *(one.T for one in across)]]
    for t, one in enumerate(across):
        rows.append([one, *(links[t + 1] if i == t else None for i in range(n))])
    return (SCALE * sp.bmat(rows)).tocsr()


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
