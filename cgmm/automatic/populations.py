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
below two; more than 15 % of the votes of the smaller one connect it to the other.

The joint table J of populations is a sum of votes, and every factor follows from the table:

.. math:: \mathrm{net}_p = \sum_q J_{pq} / s_p .
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cgmm._utils.neighbours import fuzzy_graph, leiden, nearest
from cgmm.automatic.origins import DrawnCells
from cgmm.automatic.partitions import medoid
from cgmm.thresholds import MIN_CELLS, MIN_CHANGE, MIN_DONORS
from cgmm.transport.coupling import divide

N_NEIGHBOURS = 15
MIN_PER_DONOR = 2
RESOLUTION = 0.5
N_SEEDS = 5
MAX_MIXED = 0.15
MIN_EFFECTIVE_DONORS = 2.0
MAX_CELLS_IF_ABSENT = 5
SCALE = 1e5  # factor that makes strengths of links about one, as igraph needs them


@dataclass(frozen=True)
class Populations:
    """Populations of a comparison.

    Attributes
    ----------
    of_source_cells, of_target_cells
        Population (0, 1, ... P - 1) of every cell, shapes (N0,) and (N1,).
    of_source_components, of_target_components
        Population with most of the cells of each component, shapes (K0,) and (K1,); -1 for a
        component without cells.
    shares_source, shares_target
        Share of each population, shapes (P,).
    joint
        ``J``, shape (P, P): share of the target cells that are in population q and came from
        population p. Target cells without votes do not count.
    log2_net
        Log2 of the row sum of ``J`` over the share in the source, shape (P,). A population without
        source cells has its share in the target in place of the row sum. Half a cell is added to
        both sides of the ratio, so every value is finite.
    is_new, is_gone
        Whether the population has fewer than five cells in the source, or in the target, where at
        least 20 cells would be there without a change, shapes (P,).
    is_settled
        Whether the factor differs by at most 1.5-fold for every other seed and every single
        partition, shape (P,).
    alternatives
        Log2 factor of each population for every other seed and every single partition, shape
        (n_alternatives, P).
    """

    of_source_cells: np.ndarray
    of_target_cells: np.ndarray
    of_source_components: np.ndarray
    of_target_components: np.ndarray
    shares_source: np.ndarray
    shares_target: np.ndarray
    joint: np.ndarray
    log2_net: np.ndarray
    is_new: np.ndarray
    is_gone: np.ndarray
    is_settled: np.ndarray
    alternatives: np.ndarray

    @property
    def n_populations(self) -> int:
        """Number of populations, ``P``."""
        return len(self.log2_net)


def find_populations(
    source: DrawnCells,
    target: DrawnCells,
    votes: Sequence[sp.csr_matrix],
    responsibilities: tuple[np.ndarray, np.ndarray],
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
    responsibilities
        Responsibilities of the components of the fit for the source cells, shape (N0, K0), and for
        the target cells, shape (N1, K1).
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
    sides = source, target
    donors = donors_source, donors_target
    mean = sum(votes[1:], votes[0]) / len(votes)
    within = [neighbour_graph(one.points, names) for one, names in zip(sides, donors, strict=True)]
    graph = joint_graph(sides, within, mean)
    runs = []
    for seed in range(random_state, random_state + N_SEEDS):
        found = leiden(sp.triu(graph).tocsr(), resolution=resolution, random_state=seed)
        runs.append(merged(found, sides, donors, mean, graph))
    n = len(source.points)
    factors = [_log2_net(run, sides, mean)[run[:n]] for run in runs]
    best = medoid(factors)
    labels, log2_net = runs[best], _log2_net(runs[best], sides, mean)
    shares = _shares(labels, sides)
    parts = labels[:n], labels[n:]
    there = _member(parts[0], source.weights, len(log2_net))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_seed = [
            np.log2(there @ np.exp2(one) / shares[0]) for i, one in enumerate(factors) if i != best
        ]
    by_partition = [_log2_net(labels, sides, one) for one in votes]
    alternatives = np.where(shares[0] > 0, [*by_seed, *by_partition], log2_net)
    counts = [np.bincount(one, minlength=len(log2_net)) for one in parts]
    of_components = [_of_components(one, r) for one, r in zip(parts, responsibilities, strict=True)]
    return Populations(
        of_source_cells=parts[0],
        of_target_cells=parts[1],
        of_source_components=of_components[0],
        of_target_components=of_components[1],
        shares_source=shares[0],
        shares_target=shares[1],
        joint=joint_table(labels, sides, mean),
        log2_net=log2_net,
        is_new=_absent(counts[0], shares[1] * n),
        is_gone=_absent(counts[1], shares[0] * len(target.points)),
        is_settled=(np.abs(alternatives - log2_net) <= MIN_CHANGE).all(axis=0),
        alternatives=alternatives,
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
    sides: tuple[DrawnCells, DrawnCells], within: Sequence[sp.csr_matrix], votes: sp.csr_matrix
) -> sp.csr_matrix:
    """Return the graph of the cells of both conditions, source first, (N0 + N1, N0 + N1).

    Up to one common factor, the links within each condition sum to one, and the votes in each
    direction sum to one, or to less where target cells have no votes.
    """
    blocks = []
    for one, graph in zip(sides, within, strict=True):
        degree = np.asarray(graph.sum(axis=1)).ravel()
        root = sp.diags(np.sqrt(divide(one.weights, degree)))
        scaled = root @ graph @ root
        blocks.append(scaled / scaled.sum())
    across = sp.diags(sides[1].weights) @ votes
    return (SCALE * sp.bmat([[blocks[0], across.T], [across, blocks[1]]])).tocsr()


def joint_table(
    labels: np.ndarray, sides: tuple[DrawnCells, DrawnCells], votes: sp.csr_matrix
) -> np.ndarray:
    """Return ``J``: shares of the target by population of origin and own population, (P, P)."""
    n0, n = len(sides[0].points), int(labels.max()) + 1
    came_from = _member(labels[:n0], np.ones(n0), n) @ votes.T
    return np.asarray((came_from @ _member(labels[n0:], sides[1].weights, n).T).todense())


def merged(
    labels: np.ndarray,
    sides: tuple[DrawnCells, DrawnCells],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    votes: sp.csr_matrix,
    graph: sp.csr_matrix,
) -> np.ndarray:
    """Merge communities that the data do not separate, one pair at a time.

    Parameters
    ----------
    labels
        Community of every cell, source first, shape (N0 + N1,).
    sides, donors, votes
        As in :func:`find_populations`.
    graph
        From :func:`joint_graph`.

    Returns
    -------
    Labels 0, 1, ..., shape (N0 + N1,).
    """
    labels = np.unique(labels, return_inverse=True)[1]
    while labels.max() > 0:
        table = joint_table(labels, sides, votes)
        mixed = _mixed(table)
        alone = _poor(labels, donors, sides)
        if alone.any():
            one = int(np.flatnonzero(alone)[_shares(labels, sides).sum(0)[alone].argmin()])
            other = _nearest(one, labels, graph)
        elif mixed.max() > MAX_MIXED:
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


def _poor(
    labels: np.ndarray,
    donors: tuple[np.ndarray | None, np.ndarray | None],
    sides: tuple[DrawnCells, DrawnCells],
) -> np.ndarray:
    """Return communities with too few cells or an effective number of donors below two, (P,).

    The effective number of donors is the inverse Simpson index of the shares of the donors,
    averaged over the conditions in which the community has cells. With less than two donors in
    effect, a change cannot be distinguished from a peculiarity of one donor. Donors are ignored
    where they are not known or too few.
    """
    n, n0 = int(labels.max()) + 1, len(sides[0].points)
    poor = np.bincount(labels, minlength=n) < MIN_CELLS
    effective = np.zeros((2, n))
    parts = labels[:n0], labels[n0:]
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


def _shares(labels: np.ndarray, sides: tuple[DrawnCells, DrawnCells]) -> np.ndarray:
    """Return the shares of the populations in source and target, shape (2, P)."""
    n, n0 = int(labels.max()) + 1, len(sides[0].points)
    parts = labels[:n0], labels[n0:]
    return np.stack(
        [np.bincount(part, one.weights, n) for part, one in zip(parts, sides, strict=True)]
    )


def _log2_net(
    labels: np.ndarray, sides: tuple[DrawnCells, DrawnCells], votes: sp.csr_matrix
) -> np.ndarray:
    """Return log2 of the share that came from each population over its share before, (P,)."""
    came = joint_table(labels, sides, votes).sum(axis=1)
    there, here = _shares(labels, sides)
    came = np.where(there > 0, came, here)  # a population without source cells has no votes
    half = [0.5 / len(one.points) for one in sides]
    return np.log2(came + half[1]) - np.log2(there + half[0])


def _of_components(labels: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Return the population with most cells of each component, shape (K,); -1 without cells."""
    held = _member(labels, np.ones(len(labels))) @ r
    return np.where(held.sum(0) >= 0.5, held.argmax(0), -1)


def _absent(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return populations with almost no cells where no change would leave many, shape (P,)."""
    return (counts < MAX_CELLS_IF_ABSENT) & (expected >= MIN_CELLS)
