r"""Geometry of Gaussians under the Wasserstein distance.

The squared 2-Wasserstein distance between ``N(m, S)`` and ``N(n, T)`` is

.. math:: |m - n|^2 + B^2(S, T), \qquad
          B^2(S, T) = \operatorname{tr} S + \operatorname{tr} T
                      - 2 \operatorname{tr} (S^{1/2} T S^{1/2})^{1/2},

and the optimal map is affine, ``x -> n + A (x - m)``, with the Monge matrix
``A = S^{-1/2} (S^{1/2} T S^{1/2})^{1/2} S^{-1/2}`` (Bhatia, Jain & Lim 2019,
Expo. Math. 37, eq. 1, 13 and 39).  Any ``R`` with ``S = R R^T`` can replace the symmetric root:
``G = R^T T R`` has the same eigenvalues as ``S^{1/2} T S^{1/2}``, and
``A = R^{-T} G^{1/2} R^{-1}``.  The inverse map ``A^{-1} = R G^{-1/2} R^T`` uses the same
eigenvectors of ``G``.  The fit takes Cholesky factors.  :func:`cgmm.transport_cost` takes symmetric
roots, whose computation cannot fail.

Functions take stacks of matrices as numpy arrays or as traced JAX arrays, and keep the dtype.  Each
batched LAPACK call depends on the call before, because XLA's CPU backend can dead-lock when two
batched calls run at the same time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

Array = Any


def namespace(array: Array) -> Any:
    """Return ``numpy`` for numpy arrays, and ``jax.numpy`` for all other arrays."""
    return np if isinstance(array, (np.ndarray, np.generic)) else jnp


class Roots(NamedTuple):
    """Square roots ``R`` of a stack of covariances, ``S = R R^T``.

    Attributes
    ----------
    root, inverse_root
        ``R`` and ``R^{-1}``, shape (K, D, D).
    log_det
        ``log det S``, shape (K,).
    """

    root: Array
    inverse_root: Array
    log_det: Array

    @property
    def precision(self) -> Array:
        """``S^{-1}``, shape (K, D, D)."""
        return self.inverse_root.swapaxes(-1, -2) @ self.inverse_root


class PairRoots(NamedTuple):
    """Eigenvalues and eigenvectors of ``G^{1/2}``, ``G_kl = S_k^{1/2} T_l S_k^{1/2}``, all pairs.

    Attributes
    ----------
    values
        Eigenvalues of ``G^{1/2}``, shape (K0, K1, D).
    vectors
        Eigenvectors of ``G^{1/2}``, shape (K0, K1, D, D).
    """

    values: Array
    vectors: Array

    @property
    def fidelity(self) -> Array:
        """``tr G^{1/2}``, shape (K0, K1)."""
        return self.values.sum(-1)


def _rebuild(vectors: Array, values: Array) -> Array:
    return (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)


def _eigh(matrices: Array) -> tuple[Array, Array]:
    xp = namespace(matrices)
    values, vectors = xp.linalg.eigh(0.5 * (matrices + matrices.swapaxes(-1, -2)))
    return _positive(values), vectors


def _positive(values: Array) -> Array:
    xp, info = namespace(values), np.finfo(values.dtype)
    return xp.maximum(values, xp.maximum(values[..., -1:], info.tiny) * info.eps)


def roots(covariances: Array) -> Roots:
    """Return symmetric roots of covariances (K, D, D), with inverses and log determinants."""
    values, vectors = _eigh(covariances)
    xp = namespace(values)
    root = xp.sqrt(values)
    return Roots(_rebuild(vectors, root), _rebuild(vectors, 1 / root), xp.log(values).sum(-1))


def factors(covariances: np.ndarray) -> Roots:
    """Return Cholesky factors, or symmetric roots when a matrix is singular to rounding."""
    try:
        lower = np.linalg.cholesky(covariances)
        inverse = np.linalg.inv(lower)
    except np.linalg.LinAlgError:
        return roots(covariances)
    diagonal = np.diagonal(lower, axis1=-2, axis2=-1)
    return Roots(lower, inverse, 2 * np.log(diagonal).sum(-1))


def _cross(root: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    return root.swapaxes(-1, -2) @ covariances @ root


def fidelities(root: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Return ``tr G^{1/2}`` for pairs of roots and covariances, both (P, D, D): shape (P,)."""
    return np.sqrt(_positive(np.linalg.eigvalsh(_cross(root, covariances)))).sum(-1)


def pair_roots(root: Array, covariances: Array) -> PairRoots:
    """Decompose ``G_kl`` for symmetric roots (K0, D, D) and covariances (K1, D, D)."""
    cross = root[:, None] @ covariances[None] @ root[:, None]
    k0, k1, d, _ = cross.shape
    values, vectors = _eigh(cross.reshape(k0 * k1, d, d))
    return PairRoots(
        namespace(values).sqrt(values).reshape(k0, k1, d), vectors.reshape(k0, k1, d, d)
    )


def sum_of_maps_traced(source: Roots, pairs: PairRoots, coupling: Array) -> tuple[Array, Array]:
    """Sum the Monge matrices of all pairs in both directions, weighted by the coupling.

    JAX needs fixed shapes, so all pairs are computed.

    Parameters
    ----------
    source
        Symmetric roots of the source covariances, from :func:`roots`.
    pairs
        Decompositions of all pairs, from :func:`pair_roots`.
    coupling
        Weights ``W``, shape (K0, K1).

    Returns
    -------
    ``sum_l W_kl A_kl`` of shape (K0, D, D) and ``sum_k W_kl A_kl^{-1}`` of shape
    (K1, D, D).
    """
    xp = namespace(coupling)
    forth = xp.einsum(
        "klij,kl,klmj->kim", pairs.vectors * pairs.values[:, :, None], coupling, pairs.vectors
    )
    forth = source.inverse_root @ forth @ source.inverse_root
    weighted = coupling[:, :, None] / pairs.values
    turned = source.root[:, None] @ pairs.vectors
    back = xp.einsum("klij,klj,klmj->lim", turned, weighted, turned)
    return forth, back


def sum_of_maps(
    source: Roots,
    covariances: np.ndarray,
    k: np.ndarray,
    j: np.ndarray,
    mass: np.ndarray,
    *,
    symmetric: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the Monge matrices of given pairs in both directions, weighted by their mass.

    Numpy arrays only; other pairs are not computed.

    Parameters
    ----------
    source
        Roots of the source covariances (K0, D, D).
    covariances
        Target covariances, shape (K1, D, D).
    k, j
        Source and target component of every pair, shapes (P,).
    mass
        Weight of every pair, shape (P,).
    symmetric
        Whether the roots are symmetric, which makes transposes unnecessary.

    Returns
    -------
    ``sum_l W_kl A_kl`` of shape (K0, D, D) and ``sum_k W_kl A_kl^{-1}`` of shape (K1, D, D).
    """
    forth, back = np.zeros_like(source.root), np.zeros_like(covariances)
    if len(k):
        root = source.root[k]
        cross = root @ covariances[j] @ root if symmetric else _cross(root, covariances[j])
        values, vectors = np.linalg.eigh(cross)
        values = np.sqrt(_positive(values))
        np.add.at(forth, k, _rebuild(vectors, mass[:, None] * values))
        np.add.at(back, j, _rebuild(root @ vectors, mass[:, None] / values))
    inverse = source.inverse_root
    return (inverse if symmetric else inverse.swapaxes(-1, -2)) @ forth @ inverse, back


def wasserstein_costs(
    means0: Array,
    means1: Array,
    covariances0: Array,
    covariances1: Array,
    fidelity: Array,
) -> Array:
    """Return the squared Wasserstein distances of all pairs.

    Parameters
    ----------
    means0, means1
        Shapes (K0, D) and (K1, D).
    covariances0, covariances1
        Shapes (K0, D, D) and (K1, D, D).
    fidelity
        ``tr G^{1/2}`` from :func:`pair_roots` or :func:`fidelities`, shape (K0, K1).

    Returns
    -------
    ``C_kl``, shape (K0, K1), never negative.
    """
    xp = namespace(fidelity)
    gap = means0[:, None] - means1[None]
    traces = traced(covariances0)[:, None] + traced(covariances1)[None]
    return (gap**2).sum(-1) + xp.maximum(traces - 2 * fidelity, xp.zeros_like(traces))


def traced(matrices: Array) -> Array:
    """Return the traces of a stack of matrices (K, D, D): shape (K,)."""
    return namespace(matrices).trace(matrices, axis1=-2, axis2=-1)
