"""Leiden clusters of a graph, by points or by groups of points that stay together.

A search moves every point of the graph by itself, and its time grows with the links.  Where many
searches are made in one graph, its points are first put together to small groups by one search at a
high resolution (:func:`fine_groups`).  The groups are the points of a second, much smaller graph
(:func:`condensed`), whose links are the sums of the links between the groups.  Modularity is the
same in both graphs, for all clusters that do not divide a group.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import numpy as np
import scipy.sparse as sp

FINE_RESOLUTION = 120.0
MIN_TOTAL = 1e-300
POINTS_PER_RESOLUTION = 60  # with more points the groups stay small
WORDS = 32_768  # random words that are drawn together


class Network:
    """A graph as the clustering library holds it: one copy for any number of clusterings.

    Parameters
    ----------
    graph
        Strengths of the links, shape (N, N), symmetric.  The diagonal has the links within a group
        of points, in both directions.
    """

    def __init__(self, graph: sp.csr_matrix) -> None:
        import igraph

        links = sp.triu(graph, k=1, format="coo")
        scale = (
            links.data.mean(dtype=float) if links.nnz else 1.0
        )  # the library ignores small gains
        ends = list(zip(links.row.tolist(), links.col.tolist(), strict=True))  # faster than arrays
        self._graph = igraph.GraphBase(n=graph.shape[0], edges=ends)
        self._strengths = (links.data.astype(float) / scale).tolist()
        self._degrees = np.asarray(graph.sum(axis=1), dtype=float).ravel() / scale

    def leiden(self, *, resolution: float, random_state: int, n_iterations: int = 2) -> np.ndarray:
        """Return the clusters of the graph, from Leiden for modularity.

        Parameters
        ----------
        resolution
            Resolution of the modularity; a higher resolution gives more clusters.
        random_state
            Seed.
        n_iterations
            Number of iterations.

        Returns
        -------
        Cluster of every point, 0, 1, ..., shape (N,).

        Notes
        -----
        Traag, Waltman & van Eck 2019, Sci. Rep. 9:5233. Modularity is the constant Potts model with
        degrees as weights of the points. The library's own modularity counts the links within a
        point otherwise.
        """
        with _random_numbers(random.Random(random_state)):
            clusters, _ = self._graph.community_leiden(
                edge_weights=self._strengths,
                node_weights=self._degrees.tolist(),
                resolution=resolution / max(self._degrees.sum(), MIN_TOTAL),
                n_iterations=n_iterations,
            )
        return np.asarray(clusters)

    def small_groups(self, random_state: int) -> np.ndarray:
        """Return small groups of points that are linked closely, shape (N,).

        Parameters
        ----------
        random_state
            Seed.

        Returns
        -------
        Group of every point, 0, 1, ...; of five to ten points in a graph of thousands, of fewer in
        a small graph.
        """
        n = len(self._degrees)
        resolution = max(FINE_RESOLUTION, n / POINTS_PER_RESOLUTION)
        return self.leiden(resolution=resolution, random_state=random_state, n_iterations=1)


class ScanpyNetwork:
    """A graph whose clusters are those of scanpy, link by link and seed by seed.

    Parameters
    ----------
    graph
        Strengths of the links, shape (N, N); every stored value is one link.
    """

    def __init__(self, graph: sp.csr_matrix) -> None:
        import igraph

        links = graph.tocoo()
        ends = list(zip(links.row.tolist(), links.col.tolist(), strict=True))
        self._graph = igraph.GraphBase(n=graph.shape[0], edges=ends)
        self._strengths = links.data.astype(float).tolist()

    def leiden(self, *, resolution: float, random_state: int) -> np.ndarray:
        """Return the clusters, shape (N,), as ``scanpy.tl.leiden(flavor="igraph")`` does.

        Parameters
        ----------
        resolution, random_state
            As for :meth:`Network.leiden`.
        """
        with _random_numbers(_Generator(random_state)):
            clusters, _ = self._graph.community_leiden(
                edge_weights=self._strengths,
                resolution=resolution,
                normalize_resolution=True,
                n_iterations=2,
            )
        return np.asarray(clusters)


def condensed(graph: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> sp.csr_matrix:
    """Return the sums of a matrix over groups of its rows and groups of its columns.

    Parameters
    ----------
    graph
        Shape (N, M).
    rows, columns
        Group of every row and column, 0, 1, ..., shapes (N,) and (M,).

    Returns
    -------
    Shape (groups of rows, groups of columns).
    """
    one, other = (
        sp.csr_matrix((np.ones(len(part)), (np.arange(len(part)), part)), dtype=graph.dtype)
        for part in (rows, columns)
    )
    return (one.T.tocsr() @ (graph @ other)).tocsr()


@contextmanager
def _random_numbers(generator: random.Random) -> Iterator[None]:
    """Let igraph draw from a generator; otherwise it draws from a global one."""
    import igraph

    igraph.set_random_number_generator(generator)
    try:
        yield
    finally:
        igraph.set_random_number_generator(random)


class _Generator(random.Random):
    """The random numbers of scanpy, for igraph.

    numpy makes each of these numbers of two words of 32 bits.  The words are drawn many at a time,
    because a call for one number takes longer than a step of the search.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        words = np.random.RandomState(seed)._bit_generator.random_raw
        self._next = chain.from_iterable(iter(lambda: words(WORDS).tolist(), None)).__next__

    def getrandbits(self, k: int) -> int:
        return (self._next() << 32 | self._next()) >> 1 & (1 << k) - 1

    def random(self) -> float:
        return ((self._next() >> 5) * 2.0**26 + (self._next() >> 6)) / 2.0**53
