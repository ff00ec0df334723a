r"""Gaussian mixtures: density, responsibilities, sampling.

The log density of component k is linear in the features ``(x_i x_j)_{i <= j}, x, 1``:

.. math:: \log \pi_k N(x; m_k, S_k)
          = -\tfrac12 \sum_{ij} P_{ij} x_i x_j + (P m)^T x + \text{const}, \quad P = S_k^{-1},

so one matrix product gives all log densities of a chunk of points.  The product of the
responsibilities with the same features gives everything that the M-step needs: mass, mean and
second moment of every component (:mod:`cgmm.mixture.e_step`).  Both products cost half as much as
products of full D x D matrices.  Chunks are small enough to stay in cache, and sums over chunks are
kept in double precision.  Points are centred chunk by chunk and never copied as a whole, so the
working memory does not grow with their number (:mod:`cgmm.mixture.blocks`,
:mod:`cgmm.mixture.chunked`).

Of the quadratic features, diagonal covariances need only the squares ``x_i^2``.  With tied
covariances the quadratic part is the same for all components.  This part cancels in the
responsibilities and enters the likelihood through the second moment of all points, which is
computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from cgmm._utils.arguments import check_seed, check_whole
from cgmm.mixture.blocks import BLOCK_ROWS, cut
from cgmm.mixture.checks import as_points, check_mixture
from cgmm.mixture.features import densities, filled_up, log_density_features


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of Gaussians.

    Attributes
    ----------
    weights
        Shape (K,), positive, summing to one.
    means
        Shape (K, D).
    covariances
        Shape (K, D, D), symmetric positive definite.
    """

    weights: Any
    means: Any
    covariances: Any

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self.means.shape[0]

    @property
    def n_dims(self) -> int:
        """Number of dimensions D."""
        return self.means.shape[1]

    def component_log_prob(self, points: np.ndarray) -> np.ndarray:
        """Return ``log(pi_k N(x; m_k, S_k))`` for points (N, D): (N, K), in double precision."""
        x = as_points("points", points, np.shape(self.means)[1])
        centre = np.asarray(self.means, float).mean(0)
        with jax.enable_x64(True):
            theta = log_density_features(
                np.log(np.maximum(np.asarray(self.weights, float), 1e-300)),
                np.asarray(self.means, float) - centre,
                np.asarray(self.covariances, float),
            )
            theta = filled_up(theta, len(x))
            out, filled = np.empty((len(x), self.n_components)), 0
            for block in cut(x, 0.0, np.dtype(np.float64)):
                logs = np.asarray(densities(block.points, centre, theta))
                out[filled : filled + block.n] = logs[: block.n, : self.n_components]
                filled += block.n
        return out

    def log_prob(self, points: np.ndarray) -> np.ndarray:
        """Return the log density of points (N, D): shape (N,)."""
        parts = self.component_log_prob(points)
        top = parts.max(1, keepdims=True)
        parts -= top
        np.exp(parts, out=parts)
        return (top + np.log(parts.sum(1, keepdims=True)))[:, 0]

    def responsibilities(self, points: np.ndarray) -> np.ndarray:
        """Return the posterior probabilities of the components for points (N, D): shape (N, K)."""
        parts = self.component_log_prob(points)
        parts -= parts.max(1, keepdims=True)
        np.exp(parts, out=parts)
        parts /= parts.sum(1, keepdims=True)
        return parts

    def sample(
        self, n_points: int, random_state: int | np.random.Generator = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw points from the mixture.

        Parameters
        ----------
        n_points
            Number of points to draw.
        random_state
            Seed or generator.

        Returns
        -------
        Points of shape (n_points, D) and the component of every point, shape (n_points,).

        Raises
        ------
        TypeError, ValueError
            When an argument is out of range, or the parameters are not valid for a mixture.
        """
        n_points = check_whole("n_points", n_points)
        if not isinstance(random_state, np.random.Generator):
            random_state = check_seed(random_state)
        check_mixture("the mixture", self)
        rng = np.random.default_rng(random_state)
        weights = np.asarray(self.weights, dtype=float)
        labels = rng.choice(self.n_components, size=n_points, p=weights / weights.sum())
        factors = np.linalg.cholesky(np.asarray(self.covariances, dtype=float))
        points = rng.standard_normal((n_points, self.n_dims))
        for start in range(0, n_points, BLOCK_ROWS):  # one factor per point takes memory
            rows = slice(start, start + BLOCK_ROWS)
            noise = np.einsum("nij,nj->ni", factors[labels[rows]], points[rows])
            points[rows] = np.asarray(self.means)[labels[rows]] + noise
        return points, labels

    def with_weights(self, weights: np.ndarray) -> GaussianMixture:
        """Return the same components with other weights.

        Parameters
        ----------
        weights
            Shape (K,), non-negative, not all zero; they are scaled to sum to one.

        Returns
        -------
        GaussianMixture

        Raises
        ------
        ValueError
            When the weights are not K finite, non-negative numbers with a positive sum.
        """
        weights = np.asarray(weights, dtype=float)
        wrong = weights.shape != (self.n_components,) or not np.isfinite(weights).all()
        if wrong or (weights < 0).any() or weights.sum() <= 0:
            msg = (
                f"weights must be {self.n_components} numbers, finite, non-negative and not all "
                f"zero, got {weights.tolist()}"
            )
            raise ValueError(msg)
        return GaussianMixture(weights / weights.sum(), self.means, self.covariances)

    def mapped(self, matrix: np.ndarray) -> GaussianMixture:
        """Return the mixture of the points multiplied by a symmetric matrix (D, D)."""
        return GaussianMixture(
            self.weights, self.means @ matrix, matrix @ self.covariances @ matrix
        )
