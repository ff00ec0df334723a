"""Graphs of cells: neighbours within a condition, and one graph of the cells of all conditions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from cgmm._utils.neighbours import fuzzy_graph, nearest, nearest_of
from cgmm.automatic.communities import Weighted
from cgmm.transport.coupling import divide

N_NEIGHBOURS = 15
MIN_PER_DONOR = 2


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
        found, far = nearest_of(points[inside], points, each + 1)
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


def within_links(sides: Sequence[Weighted], within: Sequence[sp.csr_matrix]) -> list[sp.csr_matrix]:
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
    links: Sequence[sp.csr_matrix], sides: Sequence[Weighted], votes: Sequence[sp.csr_matrix]
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
    return sp.bmat(rows, format="csr")
