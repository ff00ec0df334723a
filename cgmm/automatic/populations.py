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
for modularity (Traag, Waltman & van Eck 2019, Sci. Rep. 9:5233) at one coarse resolution. The
clusters are computed for several seeds, and the medoid is taken. Two communities are merged in any
of three cases: one of them has too few cells; the effective number of donors of one of them is
below two; more than 15 % of the votes of the smaller one connect it to the other (20 % when their
factors are more than eightfold apart). Communities that are connected in this way are parts of one
population that changed its state, or the border between them is not certain.

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

from cgmm._utils.neighbours import fuzzy_graph, leiden, nearest
from cgmm.automatic.origins import DrawnCells
from cgmm.automatic.partitions import medoid
from cgmm.thresholds import MIN_CELLS, MIN_DONORS
from cgmm.transport.coupling import divide

N_NEIGHBOURS = 15
MIN_PER_DONOR = 2
RESOLUTION = 0.5
N_SEEDS = 5
MAX_MIXED = 0.15
FAR_APART = 3.0  # log2
MAX_MIXED_FAR_APART = 0.2
MIN_EFFECTIVE_DONORS = 2.0
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
        Log2 factor at the cells of each population when the clusters start from another seed or see
        the votes of one partition alone, shape (n_alternatives, P): the mean over the cells of the
        population, in which both conditions weigh as much as their shares.
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
    resolution: float = RESOLUTION,
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
    resolution
        Resolution of the clusters; a higher value gives more communities before merging.
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
        resolution=resolution,
        random_state=random_state,
    )
    return found


def find_shared(
    sides: Sequence[DrawnCells],
    votes: Sequence[Sequence[sp.csr_matrix]],
    *,
    donors: Sequence[np.ndarray | None],
    resolution: float = RESOLUTION,
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
    resolution, random_state
        As in :func:`find_populations`.

    Returns
    -------
    The populations of every comparison. Source cells have the same populations in all of them.
    """
    within = [neighbour_graph(one.points, names) for one, names in zip(sides, donors, strict=True)]

    def labelled(chosen: Sequence[int], seed: int) -> np.ndarray:
        mean = [_mean([of_target[i] for i in chosen]) for of_target in votes]
        graph = joint_graph(sides, within, mean)
        found = leiden(sp.triu(graph).tocsr(), resolution=resolution, random_state=seed)
        return merged(found, sides, donors, mean, graph)

    every = range(len(votes[0]))
    runs = [labelled(every, random_state + i) for i in range(N_SEEDS)]
    best = medoid([_log2_net(run, sides)[:, run].ravel() for run in runs])
    labels = _by_size(runs[best], sides)
    del runs[best]
    if len(every) > 1:
        runs += [labelled([i], random_state) for i in every]
    log2_net = _log2_net(labels, sides)
    parts = np.split(labels, np.cumsum([len(one.points) for one in sides])[:-1])
    return [
        Populations(parts[0], own, log2_net[t], _alternatives(labels, runs, sides, t))
        for t, own in enumerate(parts[1:])
    ]


def _mean(votes: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    return sum(votes[1:], votes[0]) / len(votes)


def _alternatives(
    labels: np.ndarray, runs: Sequence[np.ndarray], sides: Sequence[DrawnCells], t: int
) -> np.ndarray:
    """Return the factors of the populations in target ``t`` under other choices, (n, P)."""
    sizes = [len(one.points) for one in sides]
    start = sum(sizes[: t + 1])
    cells = np.r_[: sizes[0], start : start + sizes[t + 1]]
    weights = np.concatenate([sides[0].weights, sides[t + 1].weights])
    n = int(labels.max()) + 1
    total = np.bincount(labels[cells], weights, n)
    return np.array(
        [
            divide(
                np.bincount(labels[cells], weights * _log2_net(run, sides)[t][run[cells]], n), total
            )
            for run in runs
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


def joint_graph(
    sides: Sequence[DrawnCells], within: Sequence[sp.csr_matrix], votes: Sequence[sp.csr_matrix]
) -> sp.csr_matrix:
    """Return the graph of the cells of all conditions, source first, shape (N, N).

    Up to one common factor, the links within each target sum to one, and its votes in each
    direction sum to one, or to less where target cells have no votes. The links within the source
    sum to the number of targets.
    """
    blocks = []
    for one, graph in zip(sides, within, strict=True):
        degree = np.asarray(graph.sum(axis=1)).ravel()
        root = sp.diags(np.sqrt(divide(one.weights, degree)))
        scaled = root @ graph @ root
        blocks.append(scaled / scaled.sum())
    n = len(votes)
    across = [sp.diags(one.weights) @ own for one, own in zip(sides[1:], votes, strict=True)]
    rows = [[n * blocks[0], *(one.T for one in across)]]
    for t, one in enumerate(across):
        rows.append([one, *(blocks[t + 1] if i == t else None for i in range(n))])
    return (SCALE * sp.bmat(rows)).tocsr()


def joint_table(
    labels: np.ndarray, sides: Sequence[DrawnCells], votes: Sequence[sp.csr_matrix]
) -> np.ndarray:
    """Return ``J``: shares of the targets by population of origin and own population, (P, P).

    With several targets it is the sum over the targets.
    """
    n = int(labels.max()) + 1
    parts = np.split(labels, np.cumsum([len(one.points) for one in sides])[:-1])
    of_source = _member(parts[0], np.ones(len(parts[0])), n)
    tables = [
        np.asarray((of_source @ own.T @ _member(part, one.weights, n).T).todense())
        for part, one, own in zip(parts[1:], sides[1:], votes, strict=True)
    ]
    return sum(tables[1:], tables[0])


def merged(
    labels: np.ndarray,
    sides: Sequence[DrawnCells],
    donors: Sequence[np.ndarray | None],
    votes: Sequence[sp.csr_matrix],
    graph: sp.csr_matrix,
) -> np.ndarray:
    """Merge communities that the data do not separate, one pair at a time.

    Parameters
    ----------
    labels
        Community of every cell, source first, shape (N,).
    sides, donors
        As in :func:`find_shared`.
    votes
        Votes of the cells of every target, shapes (N_t, N0).
    graph
        From :func:`joint_graph`.

    Returns
    -------
    Labels 0, 1, ..., shape (N,).
    """
    labels = np.unique(labels, return_inverse=True)[1]
    while labels.max() > 0:
        mixed = _mixed(joint_table(labels, sides, votes))
        mixed[~_alike(mixed, _log2_net(labels, sides))] = 0.0
        alone = _poor(labels, donors, sides)
        if alone.any():
            one = int(np.flatnonzero(alone)[_shares(labels, sides).sum(0)[alone].argmin()])
            other = _nearest(one, labels, graph)
        elif mixed.max() > 0:
            one, other = divmod(int(mixed.argmax()), len(mixed))
        else:
            break
        labels = np.unique(np.where(labels == one, other, labels), return_inverse=True)[1]
    return labels


def _mixed(table: np.ndarray) -> np.ndarray:
    """Return votes between two populations over all votes of the smaller one, (P, P)."""
    crossing = table + table.T
    total = table.sum(0) + table.sum(1)
    mixed = divide(crossing, np.minimum(total[:, None], total))
    np.fill_diagonal(mixed, 0.0)
    return mixed


def _alike(mixed: np.ndarray, log2_net: np.ndarray) -> np.ndarray:
    """Return the pairs of communities that the data do not separate, boolean, shape (P, P).

    Factors are those of the target in which the two are farthest apart.
    """
    apart = np.abs(log2_net[:, :, None] - log2_net[:, None]).max(axis=0)
    return mixed > np.where(apart > FAR_APART, MAX_MIXED_FAR_APART, MAX_MIXED)


def _poor(
    labels: np.ndarray, donors: Sequence[np.ndarray | None], sides: Sequence[DrawnCells]
) -> np.ndarray:
    """Return communities with too few cells or an effective number of donors below two, (P,).

    The effective number of donors is the inverse Simpson index of the shares of the donors,
    averaged over the conditions in which the community has cells. With less than two donors in
    effect, a change cannot be distinguished from a peculiarity of one donor. Donors are ignored
    where they are not known or too few.
    """
    n = int(labels.max()) + 1
    poor = np.bincount(labels, minlength=n) < MIN_CELLS
    effective = np.zeros((len(sides), n))
    parts = np.split(labels, np.cumsum([len(one.points) for one in sides])[:-1])
    for i, (part, names, one) in enumerate(zip(parts, donors, sides, strict=True)):
        who, code = np.unique(names if names is not None else [""], return_inverse=True)
        if names is None or len(who) < MIN_DONORS:
            return poor
        held = np.zeros((n, len(who)))
        np.add.at(held, (part, code), one.weights)
        effective[i] = divide(held.sum(1) ** 2, np.square(held).sum(1))
    mean = divide(effective.sum(0), (effective > 0).sum(0))
    return poor | (mean < MIN_EFFECTIVE_DONORS)


def _nearest(one: int, labels: np.ndarray, graph: sp.csr_matrix) -> int:
    """Return the other community with the most links to ``one``, relative to all its links."""
    n = int(labels.max()) + 1
    member = _member(labels, np.ones(len(labels)), n)
    links = np.asarray((member[one] @ graph @ member.T).todense()).ravel()
    degree = member @ np.asarray(graph.sum(axis=1)).ravel()
    strength = divide(links, degree)
    strength[one] = -1.0
    return int(strength.argmax())


def _member(labels: np.ndarray, values: np.ndarray, n: int | None = None) -> sp.csr_matrix:
    n = int(labels.max()) + 1 if n is None else n
    return sp.csr_matrix((values, (labels, np.arange(len(labels)))), (n, len(labels)))


def _shares(labels: np.ndarray, sides: Sequence[DrawnCells]) -> np.ndarray:
    """Return the shares of the populations in every condition, shape (1 + n_targets, P)."""
    n = int(labels.max()) + 1
    parts = np.split(labels, np.cumsum([len(one.points) for one in sides])[:-1])
    return np.stack(
        [np.bincount(part, one.weights, n) for part, one in zip(parts, sides, strict=True)]
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
