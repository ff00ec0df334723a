r"""Shifts of the subpopulations over donors: length, interval and test.

The mean of the cells of a component in a donor is one observation, a vector.  The displacement
:math:`\Delta` between the conditions is the coefficient of the condition in a linear model with,
where there are any, pairs or batches; V is its covariance over donors.

**Two readings.**  Components of the two conditions have borders of their own.  Where the borders
differ, the means differ although no cell moved, in every donor alike, so differences between donors
do not show it.  Each displacement is therefore read twice.  The first reading compares the cells of
the source component with the cells of its target component.  The second reading compares the cells
of both conditions in one class, the union of the two components, with the membership

.. math:: u(x) = 1 - (1 - r^0_k(x)) (1 - r^1_l(x))

for every cell :math:`x` of either condition.  Where nothing moved, the class is the same in both
conditions, and the second reading has the mean zero wherever the borders lie.

**Test.**  The second reading is tested against zero: :math:`F = |\Delta|^2 / \mathrm{tr}\, V`, with
:math:`\nu` and :math:`\nu d` degrees of freedom, :math:`\nu = (\mathrm{tr}\, V)^2 / \mathrm{tr}\,
V^2` and d the degrees of freedom of the donors (Dempster 1958).  p is corrected over pairs.

**Length.**  Noise makes the distance between two estimated means longer than the distance between
the true means.  The squared length of the first reading is corrected to :math:`|\Delta|^2 -
\mathrm{tr}\, V`; its variance is :math:`4 \Delta^T V \Delta + 2\, \mathrm{tr}\, V^2`.  The readings
disagree by :math:`\delta`; a fifth of :math:`|\delta|^2` is added to the variance of the length as
an error that all donors share.  The part was chosen on simulated comparisons; the coverage in
``docs/calibration.md`` was measured on others (``benchmarks/calibration.py``).  The interval starts
at zero where the test does not exclude that nothing moved.

**Which pairs.**  A pair is one population that may have moved when each component is the main
counterpart of the other.  Any other pair has a distance, but no move: no interval and no test.
Neither has a pair with fewer than ``MIN_CELLS`` cells on a side, or with too few donors that have
cells on both.

Reference: Dempster 1958, Ann. Math. Stat. 29:995.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.mixture.chunked import Points, point_pieces
from cgmm.thresholds import ALPHA, LEVEL, MIN_CELLS, MIN_CELLS_PER_POSITION, MIN_DONORS

SHARED_ERROR = 0.2  # part of the squared disagreement of the readings
MIN_FREEDOM = 2
TINY = 1e-300


class Moves(NamedTuple):
    """Lengths of the displacements of P pairs, their intervals and tests, shapes (P,).

    NaN where a pair has none; ``length`` is also known for pairs that are not one population.
    """

    length: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray

    @classmethod
    def missing(cls, n_pairs: int) -> Moves:
        """Return NaN for ``n_pairs`` pairs."""
        return cls(*np.full((5, n_pairs), np.nan))


class Means(NamedTuple):
    """Means of the cells of P pairs in every unit, and sums of memberships.

    Attributes
    ----------
    points
        Shape (n_units, P, D).
    cells
        Shape (n_units, P).
    """

    points: np.ndarray
    cells: np.ndarray


class Displacement(NamedTuple):
    """A displacement and its covariance over donors.

    Attributes
    ----------
    vector, covariance
        Shapes (D,) and (D, D).
    freedom
        Degrees of freedom of the donors.
    """

    vector: np.ndarray
    covariance: np.ndarray
    freedom: int

    @property
    def noise(self) -> float:
        """Trace of the covariance."""
        return float(np.trace(self.covariance))

    @property
    def noise_squared(self) -> float:
        """Trace of the square of the true covariance, estimated without bias; may be negative."""
        d, total = self.freedom, self.noise
        square = float(np.square(self.covariance).sum())
        return (square - total**2 / d) * d**2 / ((d - 1) * (d + 2))

    def p(self, dimensions: float) -> float:
        """Return p of no displacement (Dempster's test).

        Parameters
        ----------
        dimensions
            Effective number of dimensions of the noise, from :func:`effective_dimensions`.
        """
        if self.noise <= 0:
            return np.nan
        ratio = float(self.vector @ self.vector) / self.noise
        return float(scipy.stats.f.sf(ratio, dimensions, dimensions * self.freedom))


def effective_dimensions(of: Sequence[Displacement]) -> float:
    """Return the effective number of dimensions of the noise, over all displacements together.

    One covariance of few donors says little about its shape, so the shape is taken to be common.

    Parameters
    ----------
    of
        Displacements, at least one.

    Returns
    -------
    ``(tr V)^2 / tr V^2``, between one and the number of dimensions.
    """
    square = sum(one.noise_squared / max(one.noise, TINY) ** 2 for one in of) / len(of)
    shape = sum(1 - 2 * one.noise_squared / (one.freedom * max(one.noise, TINY) ** 2) for one in of)
    return float(np.clip(shape / len(of) / max(square, TINY), 1.0, len(of[0].vector)))


def moves(
    fit: CoupledFit,
    cells: tuple[Points, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    pairs: np.ndarray,
    *,
    level: float = LEVEL,
) -> Moves:
    """Return length, interval and test of the displacement of every pair of components.

    Parameters
    ----------
    fit
        The fit.
    cells, units
        Points (N, D) of source and target, and their units as whole numbers from 0; -1 for cells
        that do not count.
    design
        The design of the donors.
    pairs
        Source and target component of each pair, shape (P, 2).
    level
        Coverage of the intervals.
    """
    own, union = pair_means(fit, cells, units, design, pairs)
    one_population = counterparts(fit.coupling, pairs)
    sides = design.sides
    enough = np.array(
        [own.cells[sides == side].sum(axis=0) >= MIN_CELLS for side in (0, 1)], dtype=bool
    ).all(axis=0)
    firsts = [_displacement(own, design, i) for i in range(len(pairs))]
    seconds = [
        _displacement(union, design, i) if asked else None
        for i, asked in enumerate(one_population & enough)
    ]
    readings = zip(firsts, seconds, strict=True)
    tested = {
        i: (first, second)
        for i, (first, second) in enumerate(readings)
        if first is not None and second is not None
    }
    length, low, high, p = np.full((4, len(pairs)), np.nan)
    for i, first in enumerate(firsts):
        if first is not None:
            length[i] = _length(first)
    if tested:
        dimensions = [effective_dimensions(list(of)) for of in zip(*tested.values(), strict=True)]
        for i, (first, second) in tested.items():
            p[i] = second.p(dimensions[1])
            low[i], high[i] = _interval(first, second, p[i], dimensions[0], level)
    if not design.replicated:
        p = np.full_like(p, np.nan)
    return Moves(length, low, high, p, benjamini_hochberg(p))


def counterparts(coupling: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return which pairs are one population: each component is the main counterpart of the other.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    pairs
        Shape (P, 2).

    Returns
    -------
    Boolean, shape (P,).
    """
    k, j = np.asarray(pairs, int).reshape(-1, 2).T
    return (coupling.argmax(axis=1)[k] == j) & (coupling.argmax(axis=0)[j] == k)


def pair_means(
    fit: CoupledFit,
    cells: tuple[Points, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    pairs: np.ndarray,
) -> tuple[Means, Means]:
    """Return the means of both readings of every pair in every unit.

    Parameters
    ----------
    fit, cells, units, design, pairs
        As in :func:`moves`.

    Returns
    -------
    First reading (own components), second reading (union of both components).
    """
    k, j = np.asarray(pairs, int).reshape(-1, 2).T
    shape = (len(design.units), len(k))
    sums = [np.zeros((*shape, fit.source.n_dims)) for _ in range(2)]
    masses = [np.zeros(shape) for _ in range(2)]
    for side, (x, unit) in enumerate(zip(cells, units, strict=True)):
        for rows, points in point_pieces(x):
            of = unit[rows]
            r0 = fit.prevalence_source.responsibilities(points)[:, k]
            r1 = fit.prevalence_target.responsibilities(points)[:, j]
            weights = (r0, r1)[side], 1 - (1 - r0) * (1 - r1)
            for u in np.unique(of[of >= 0]):
                own, row = of == u, u + side * design.n_units[0]
                for mass, total, weight in zip(masses, sums, weights, strict=True):
                    mass[row] += weight[own].sum(axis=0)
                    total[row] += weight[own].T @ points[own]
    first, second = (
        Means(total / np.maximum(mass, 1e-300)[..., None], mass)
        for total, mass in zip(sums, masses, strict=True)
    )
    return first, second


def _displacement(means: Means, design: Design, pair: int) -> Displacement | None:
    """Return the displacement of a pair; None where too few donors have cells."""
    seen = means.cells[:, pair] >= MIN_CELLS_PER_POSITION
    if design.paired:
        both = seen[: design.n_units[0]] & seen[design.n_units[0] :]
        seen = np.concatenate([both, both])
    if min((seen & (design.sides == side)).sum() for side in (0, 1)) < MIN_DONORS:
        return None
    matrix = design.matrix()[seen]
    matrix = matrix[:, (matrix != 0).any(axis=0)]
    freedom = int(len(matrix) - np.linalg.matrix_rank(matrix))
    if freedom < MIN_FREEDOM:
        return None
    inverse = np.linalg.pinv(matrix)
    y = means.points[seen, pair]
    beta = inverse @ y
    off = y - matrix @ beta
    return Displacement(beta[-1], off.T @ off / freedom * float(inverse[-1] @ inverse[-1]), freedom)


def _length(of: Displacement) -> float:
    """Return the length without what noise adds to any distance."""
    return float(np.sqrt(max(of.vector @ of.vector - of.noise, 0.0)))


def _interval(
    first: Displacement, second: Displacement, p: float, dimensions: float, level: float
) -> tuple[float, float]:
    """Return the ends of the interval of the length of the first reading."""
    gap = first.vector - second.vector
    shared = SHARED_ERROR * float(gap @ gap)
    square = max(float(first.vector @ first.vector) - first.noise, 0.0)
    variance = 4 * first.vector @ first.covariance @ first.vector + 2 * first.noise**2 / dimensions
    variance += 4 * square * shared + 2 * shared**2
    half = scipy.stats.t.ppf(0.5 + level / 2, first.freedom) * np.sqrt(variance)
    high = float(np.sqrt(square + half))
    if p >= ALPHA or square <= 0:
        return 0.0, high
    # the error of a length is that of its square over twice the length
    length = np.sqrt(square)
    return float(max(length - half / (2 * length), 0.0)), high
