r"""Geometry of Gaussians under the Wasserstein distance.

The squared 2-Wasserstein distance between ``N(m, S)`` and ``N(n, T)`` is

.. math:: |m - n|^2 + B^2(S, T), \qquad
          B^2(S, T) = \operatorname{tr} S + \operatorname{tr} T
                      - 2 \operatorname{tr} (S^{1/2} T S^{1/2})^{1/2},

and the optimal map is affine, ``x -> n + A (x - m)``, with the Monge matrix
``A = S^{-1/2} (S^{1/2} T S^{1/2})^{1/2} S^{-1/2}`` (Bhatia, Jain & Lim 2019,
Expo. Math. 37, eq. 1, 13 and 39).  Everything here comes from eigenvalue
decompositions of symmetric matrices: one per component for its root, one per
pair for ``G = S^{1/2} T S^{1/2}``; ``A`` and its inverse (the map back) share the
eigenvectors of ``G``.

All functions are pure JAX, take stacks of matrices and keep their dtype.  They
make one batched LAPACK call after another, each fed by the one before, because
XLA's CPU backend can dead-lock when two of them run at the same time.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Roots(NamedTuple):
    """Square roots of a stack of covariances.

    Attributes
    ----------
    root, inverse_root
        ``S^{1/2}`` and ``S^{-1/2}``, shape (K, D, D).
    log_det
        ``log det S``, shape (K,).
    """

    root: jax.Array
    inverse_root: jax.Array
    log_det: jax.Array

    @property
    def precision(self) -> jax.Array:
        """``S^{-1}``, shape (K, D, D)."""
        return self.inverse_root @ self.inverse_root


class PairRoots(NamedTuple):
    """Square roots of ``G_kl = S_k^{1/2} T_l S_k^{1/2}`` for all pairs.

    Attributes
    ----------
    values
        Eigenvalues of ``G^{1/2}``, shape (K0, K1, D).
    vectors
        Eigenvectors, shape (K0, K1, D, D).
    """

    values: jax.Array
    vectors: jax.Array

    @property
    def fidelity(self) -> jax.Array:
        """``tr G^{1/2}``, shape (K0, K1)."""
        return self.values.sum(-1)


def _rebuild(vectors: jax.Array, values: jax.Array) -> jax.Array:
    return (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)


def _eigh(matrices: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, vectors = jnp.linalg.eigh(matrices, symmetrize_input=True)
    top = jnp.maximum(values[..., -1:], jnp.finfo(matrices.dtype).tiny)
    return jnp.maximum(values, top * jnp.finfo(matrices.dtype).eps), vectors


def roots(covariances: jax.Array) -> Roots:
    """Square roots, inverse roots and log determinants of covariances (K, D, D)."""
    values, vectors = _eigh(covariances)
    root = jnp.sqrt(values)
    return Roots(_rebuild(vectors, root), _rebuild(vectors, 1 / root), jnp.log(values).sum(-1))


def pair_roots(root: jax.Array, covariances: jax.Array) -> PairRoots:
    """Decompose ``G_kl`` for roots (K0, D, D) and covariances (K1, D, D)."""
    cross = root[:, None] @ covariances[None] @ root[:, None]
    k0, k1, d, _ = cross.shape
    values, vectors = _eigh(cross.reshape(k0 * k1, d, d))
    return PairRoots(jnp.sqrt(values).reshape(k0, k1, d), vectors.reshape(k0, k1, d, d))


def monge_maps(source: Roots, pairs: PairRoots) -> jax.Array:
    """Linear parts ``A_kl`` of the maps from source k to target l, (K0, K1, D, D)."""
    inverse = source.inverse_root[:, None]
    return inverse @ _rebuild(pairs.vectors, pairs.values) @ inverse


def mean_maps(source: Roots, pairs: PairRoots, coupling: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Coupling-weighted sums of the Monge matrices, forth and back.

    Returns
    -------
    ``sum_l W_kl A_kl`` of shape (K0, D, D) and ``sum_k W_kl A_kl^{-1}`` of shape
    (K1, D, D).
    """
    forth = jnp.einsum(
        "klij,kl,klmj->kim", pairs.vectors * pairs.values[:, :, None], coupling, pairs.vectors
    )
    forth = source.inverse_root @ forth @ source.inverse_root
    weighted = coupling[:, :, None] / pairs.values
    turned = source.root[:, None] @ pairs.vectors
    back = jnp.einsum("klij,klj,klmj->lim", turned, weighted, turned)
    return forth, back


def wasserstein_costs(
    means0: jax.Array,
    means1: jax.Array,
    covariances0: jax.Array,
    covariances1: jax.Array,
    fidelity: jax.Array,
) -> jax.Array:
    """Squared Wasserstein distances ``C_kl``, shape (K0, K1), never negative.

    Parameters
    ----------
    means0, means1
        Shapes (K0, D) and (K1, D).
    covariances0, covariances1
        Shapes (K0, D, D) and (K1, D, D).
    fidelity
        ``tr G^{1/2}`` from :func:`pair_roots`, shape (K0, K1).
    """
    gap = means0[:, None] - means1[None]
    traces = traced(covariances0)[:, None] + traced(covariances1)[None]
    return (gap**2).sum(-1) + jnp.maximum(traces - 2 * fidelity, jnp.zeros_like(traces))


def traced(matrices: jax.Array) -> jax.Array:
    """Traces of a stack of matrices."""
    return jnp.trace(matrices, axis1=-2, axis2=-1)
