"""Neighbour graph of points, for the start of a fit and for embeddings.

The graph is the fuzzy simplicial set of UMAP (McInnes, Healy & Melville 2018, arXiv:1802.03426,
section 3.1) on exact nearest neighbours.  The edge from a point to a neighbour at distance d has
the strength exp(-max(0, d - rho) / sigma).  Here rho is the distance of the nearest neighbour, and
sigma is chosen so that the strengths of a point sum to log2 k.  Strengths a and b of the two
directions of an edge are combined to a + b - ab.  umap-learn computes the same graph, but every
process that imports umap-learn compiles code for ten seconds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp

from cgmm._utils.blas import one_thread

MAX_ERROR = 1e-5  # largest error of the sum of strengths
MAX_HALVINGS = 64
MIN_WIDTH = 1e-3  # least sigma, in units of the mean distance
ROWS = 128  # whose products with all points stay in the second memory of a processor
THREADS = 2
MIN_SCALE = 1e-300


def nearest(points: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest points of every point; the point itself is the first.

    Parameters
    ----------
    points
        Shape (N, D).
    n_neighbors
        Number of points to find, the point itself included; 2 to N.

    Returns
    -------
    Row numbers and Euclidean distances, each of shape (N, n_neighbors), nearest first.
    """
    positions, distances = nearest_of(points, points, n_neighbors - 1, others=True)
    itself = np.arange(len(points))[:, None]
    return (
        np.hstack([itself, positions]),
        np.hstack([np.zeros((len(points), 1)), distances]).astype(np.float32),
    )


def nearest_of(
    points: np.ndarray, queries: np.ndarray, n: int, *, others: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Find, of some points, the nearest to every query.

    Parameters
    ----------
    points, queries
        Shapes (N, D) and (M, D).
    n
        Number of points to find, 1 to N.
    others
        Whether queries are the points, and a point is not its own neighbour.

    Returns
    -------
    Row numbers and Euclidean distances, each of shape (M, n), nearest first.
    """
    from cgmm._utils.lowest import lowest_of_rows  # loads numba

    points, queries = np.asarray(points, float), np.asarray(queries, float)
    centre = points.mean(axis=0)
    points, queries = points - centre, queries - centre
    half = 0.5 * np.square(points).sum(axis=1)
    size = 0.5 * np.square(queries).sum(axis=1)
    table = np.vstack([-points.T, half])

    def search(start: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(start, start + ROWS)
        own = queries[rows]
        # half the squared distance, without the part that all points have
        height = np.hstack([own, np.ones((len(own), 1))]) @ table
        if others:
            height[range(len(own)), range(start, start + len(own))] = np.inf
        found, lowest = lowest_of_rows(height, n)
        order = lowest.argsort(axis=1, kind="stable")
        squares = 2 * (np.take_along_axis(lowest, order, 1) + size[rows, None])
        return np.take_along_axis(found, order, 1), np.sqrt(np.maximum(squares, 0))

    with one_thread(), ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(search, range(0, len(queries), ROWS)))
    found, far = zip(*parts, strict=True)
    return np.concatenate(found), np.concatenate(far)


def nearest_one(points: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Find, of some points, the one nearest to every query, in single precision.

    Where two points are as near but for rounding, either is returned, the same in every run.

    Parameters
    ----------
    points, queries
        Shapes (N, D) and (M, D).

    Returns
    -------
    Row numbers of the points, shape (M,).
    """
    centre = np.asarray(points, float).mean(axis=0)
    off = np.asarray(points, float) - centre
    scale = max(float(np.abs(off).max(initial=0)), MIN_SCALE)  # single precision ends at 1e38
    off /= scale
    table = np.vstack([off.T, -0.5 * np.square(off).sum(axis=1)]).astype(np.float32)
    found = np.empty(len(queries), dtype=np.intp)

    def search(start: int) -> None:
        rows = slice(start, start + 2 * ROWS)
        own = (np.asarray(queries[rows], float) - centre) / scale
        with_one = np.hstack([own, np.ones((len(own), 1))]).astype(np.float32)
        # the product less half the square is largest where the distance is smallest
        found[rows] = (with_one @ table).argmax(axis=1)

    with one_thread(), ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(search, range(0, len(queries), 2 * ROWS)))
    return found


def fuzzy_graph(positions: np.ndarray, distances: np.ndarray) -> sp.csr_matrix:
    """Build the weighted graph of points and their nearest neighbours.

    Parameters
    ----------
    positions, distances
        From :func:`nearest`, shape (N, k).

    Returns
    -------
    Symmetric matrix of shape (N, N), float32, strengths in (0, 1], without a diagonal.
    """
    n, k = positions.shape
    rho = np.where(distances > 0, distances, np.inf).min(axis=1)
    rho = np.where(np.isfinite(rho), rho, 0).astype(np.float32)
    beyond = np.maximum(distances - rho[:, None], 0)
    sigma = _widths(beyond, np.log2(k))
    scale = np.where(rho > 0, distances.mean(axis=1), distances.mean())
    sigma = np.maximum(sigma, MIN_WIDTH * scale).astype(np.float32)
    sigma[sigma == 0] = 1  # all points are the same
    strengths = np.exp(-beyond / sigma[:, None])
    strengths[positions == np.arange(n)[:, None]] = 0
    rows = np.repeat(np.arange(n), k)
    one = sp.csr_matrix((strengths.ravel(), (rows, positions.ravel())), shape=(n, n))
    one.eliminate_zeros()
    other = one.T.tocsr()
    return (one + other - one.multiply(other)).tocsr()


def _widths(beyond: np.ndarray, total: float) -> np.ndarray:
    """Solve sum_j>0 exp(-beyond_j / sigma) = total for sigma by bisection: shape (N,)."""
    sigma = np.ones(len(beyond), dtype=np.float32)
    low, high = np.zeros_like(sigma), np.full_like(sigma, np.inf)
    left = np.arange(len(beyond))
    for _ in range(MAX_HALVINGS):
        sums = np.exp(-beyond[left, 1:] / sigma[left, None]).sum(axis=1)
        open_ = np.abs(sums - total) >= MAX_ERROR
        left, sums = left[open_], sums[open_]
        if not len(left):
            break
        large = sums > total
        high[left[large]] = sigma[left[large]]
        low[left[~large]] = sigma[left[~large]]
        ends = low[left], high[left]
        sigma[left] = np.where(np.isinf(ends[1]), 2 * sigma[left], (ends[0] + ends[1]) / 2)
    return sigma
