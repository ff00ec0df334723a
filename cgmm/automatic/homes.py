"""Parts of a cluster that belong to another one, by their links within the conditions.

A population that grew a lot has many votes, and they draw cells of other populations that lie
beside it into its cluster (:mod:`cgmm.automatic.populations`). Which cells these are changes from
search to search, so pieces, cells that all searches keep together, tell them apart. Pieces, and
what a search cuts from a cluster, move to the cluster to which most of their links lead. Links
within a condition do not know what grew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from cgmm.automatic.communities import links_between, member
from cgmm.transport.coupling import divide

LARGEST_PART = 0.5  # of a cluster; a part that is more of it stays
MIN_GAIN = 0.1  # share of the links of a part; less decides nothing


def at_home(
    labels: np.ndarray,
    partitions: Sequence[np.ndarray],
    links: Sequence[sp.csr_matrix],
    weights: np.ndarray,
) -> np.ndarray:
    """Move pieces of clusters to the clusters to which most of their links lead.

    Parameters
    ----------
    labels
        Cluster (0, 1, ...) of every cell, source first, shape (N,).
    partitions
        Other clusters of the same cells, shapes (N,). Cells that have the same labels in all form a
        piece.
    links
        Links within the source, then within every target
        (:func:`cgmm.automatic.graphs.within_links`).
    weights
        Weights of the cells, shape (N,).

    Returns
    -------
    Shape (N,). One piece moves at a time, the one with the largest gain first. A piece that is
    half of its cluster or more stays, so no cluster is lost.
    """
    kinds, piece = np.unique(np.asarray([labels, *partitions]), axis=1, return_inverse=True)
    piece, of = piece.ravel(), kinds[0].copy()
    n_pieces, n = len(of), int(labels.max()) + 1
    mass = np.bincount(piece, weights, n_pieces)
    ends = np.cumsum([one.shape[0] for one in links])[:-1]
    between = links_between(np.split(piece, ends), links, n_pieces)
    for _ in range(n_pieces):
        parts = _parts(of, kinds[1:])
        own = of[parts.indices[parts.indptr[:-1]]]
        to = _shares_of_links(between, parts, own, np.eye(n)[of])
        small = parts @ mass < LARGEST_PART * np.bincount(of, mass, n)[own]
        gain = np.where(small, to.max(axis=1) - to[np.arange(len(own)), own], 0.0)
        moved = int(gain.argmax())
        if gain[moved] <= MIN_GAIN:
            break
        of[parts[moved].indices] = to[moved].argmax()
    return of[piece]


def _parts(of: np.ndarray, partitions: np.ndarray) -> sp.csr_matrix:
    """Return the parts that can move: pieces, and cuts of clusters by partitions, (M, pieces).

    A piece alone does not move where most of its links lead to other pieces that should move too.
    """
    n = len(of)
    cuts = [sp.identity(n, format="csr")]
    for one in partitions:
        both = np.unique(of * (int(one.max()) + 1) + one, return_inverse=True)[1]
        cuts.append(member(both, np.ones(n), int(both.max()) + 1))
    return sp.vstack(cuts, format="csr")


def _shares_of_links(
    between: Sequence[sp.csr_matrix], parts: sp.csr_matrix, own: np.ndarray, cluster: np.ndarray
) -> np.ndarray:
    """Return the share of the links that leave a part and lead to each cluster, (M, clusters).

    The source counts as much as all targets together; a condition in which no link leaves a part
    does not count.
    """
    shares, linked = [], []
    for table in between:
        to = parts @ (table @ cluster)
        within = parts.multiply(parts @ table).sum(axis=1)
        to[np.arange(len(own)), own] -= np.asarray(within).ravel()
        to = np.maximum(to, 0.0)
        total = to.sum(axis=1, keepdims=True)
        shares.append(divide(to, total))
        linked.append((total > 0).astype(float))
    of_targets = divide(np.sum(shares[1:], axis=0), np.sum(linked[1:], axis=0))
    targets_linked = np.sum(linked[1:], axis=0) > 0
    return divide(shares[0] + of_targets, linked[0] + targets_linked)
