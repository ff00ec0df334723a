r"""Change of state of labelled populations, with the donor as the unit of replication.

The state of a population in a donor is the mean :math:`y_d` of the donor's cells of the population,
a point in the D dimensions of the representation. The same linear model as for its log-odds
(:mod:`cgmm.donors.labelled`, or :mod:`cgmm.donors.linear` under a design formula) gives the
displacement :math:`\hat\delta` of the condition, with
covariance :math:`v\,\Sigma`, where :math:`v` follows from the design. With fewer donors than
dimensions :math:`\Sigma` cannot be inverted, so the squared length is compared with the trace of
:math:`\Sigma`,

.. math:: F = \frac{|\hat\delta|^2}{v\, \mathrm{tr}\, \hat\Sigma}, \qquad
          F \sim F(h, h f), \qquad h = \frac{(\mathrm{tr}\,\Sigma)^2}{\mathrm{tr}\,\Sigma^2},

with f residual degrees of freedom (Box 1954, Ann. Math. Stat. 25:290, theorem 3.1). The shape of
:math:`\Sigma`, and so h, is estimated over all populations together. The interval of the length has
all lengths whose noncentral F distribution has the observed F between its 2.5 and 97.5 percent
points; the reported p is two-sided, so the interval leaves out zero exactly where p is below one
minus the level. For the upper end an F below one counts as one, the value without displacement: by
chance the means can lie nearer to each other than their noise, but no study shows that a length is
smaller than what its own noise hides. The estimate of the squared length is without bias:
:math:`|\hat\delta|^2 - v\,\mathrm{tr}\,\hat\Sigma`, or zero.

Where donors have several samples, the samples of a donor are alike: means and model matrix are
whitened with one correlation for all populations and dimensions, as in limma
(:func:`cgmm.donors.duplicate_correlation.consensus`). The degrees of freedom are those of the
change between donors (Satterthwaite).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse as sp
import scipy.stats

from cgmm.donors.design import Design
from cgmm.donors.duplicate_correlation import (
    consensus,
    random_effect,
    satterthwaite,
    whitened,
)
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.formula import Contrast, Model
from cgmm.donors.reasons import Note, Reason, in_words
from cgmm.pair import Pair
from cgmm.thresholds import LEVEL, MIN_CELLS, MIN_CELLS_PER_POSITION, MIN_DONORS

MAX_F = 1e6  # a larger F is a shift beyond any doubt


class LabelledShifts(NamedTuple):
    """Displacement of populations, arrays of shape (K,), lengths in standard deviations.

    Attributes
    ----------
    raw
        Length of the estimated displacement; NaN where one condition has too few cells.
    length
        Length of the displacement, without the part that noise adds to any length; NaN where one
        condition has too few cells.
    low, high
        Interval of the length over donors; NaN where ``reason`` is not empty.
    p, q
        p of no displacement; Benjamini-Hochberg q over populations with a p.
    reason
        Why interval, p and q are missing, in a sentence; else "".
    positions
        Position of every unit along the displacement, less the mean of the units of the source,
        shape (n_units, K); NaN with fewer than ``MIN_CELLS_PER_POSITION`` cells.
    spread
        The standard deviation within a population, in units of the points: the root mean square
        distance of a cell from the mean of its population in its donor.
    """

    raw: np.ndarray
    length: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    reason: list[str]
    positions: np.ndarray
    spread: float


class StateMeans(NamedTuple):
    """Mean cell of every population in every unit.

    Attributes
    ----------
    points
        Shape (n_units, K, D); zero without cells.
    n_cells
        Shape (n_units, K).
    spread
        As in :class:`LabelledShifts`.
    """

    points: np.ndarray
    n_cells: np.ndarray
    spread: float


class _Fitted(NamedTuple):
    delta: np.ndarray  #: estimated displacement, (D,)
    residual: np.ndarray  #: covariance of a donor's mean, (D, D)
    factor: float  #: v
    freedom: float  #: of the displacement
    residual_freedom: int  #: of ``residual``; more than ``freedom`` where donors have samples


class _Rows(NamedTuple):
    """The units, the rows of the linear model."""

    design: Design
    matrix: np.ndarray  #: (n_units, p)
    asked: np.ndarray  #: weights of the coefficients that give the displacement, (p,)
    donors: np.ndarray  #: row of the donor in ``design.units``, (n_units,)

    @property
    def sides(self) -> np.ndarray:
        """Side of every unit."""
        return self.design.sides[self.donors]

    @property
    def repeated(self) -> bool:
        """Whether a donor has several units in a condition."""
        return len(np.unique(self.donors)) < len(self.donors)


def labelled_shifts(
    points: Pair[np.ndarray],
    codes: Pair[np.ndarray],
    units: Pair[np.ndarray],
    design: Design,
    n_labels: int,
    *,
    model: Model | None = None,
    contrast: Contrast | None = None,
    donors: np.ndarray | None = None,
    level: float = LEVEL,
) -> LabelledShifts:
    """Return length, interval and test of the displacement of every population.

    Parameters
    ----------
    points
        Cells of source and target, shapes (N0, D) and (N1, D).
    codes
        Population of every cell, 0 to ``n_labels - 1``; -1 for a cell without a label.
    units
        Unit of every cell within its side (:func:`cgmm.donors.design.unit_of_cells`); -1 for cells
        that are left out.
    design
        From :func:`cgmm.donors.design.design`.
    n_labels
        Number of populations, K.
    model, contrast, donors, level
        As in :func:`shifts_of`.

    Returns
    -------
    LabelledShifts
    """
    sides = design.sides if donors is None else design.sides[donors]
    means = state_means(points, codes, units, np.bincount(sides, minlength=2), n_labels)
    return shifts_of(means, design, model=model, contrast=contrast, donors=donors, level=level)


def shifts_of(
    of: StateMeans,
    design: Design,
    *,
    model: Model | None = None,
    contrast: Contrast | None = None,
    donors: np.ndarray | None = None,
    level: float = LEVEL,
) -> LabelledShifts:
    """Return length, interval and test of the displacement of every population from its means.

    Parameters
    ----------
    of
        From :func:`state_means`.
    design
        The donors.
    model
        Model of a design formula with a row per unit. None: the conditions with pairs or batches.
    contrast
        The change whose displacement is asked for; None: that of the condition. Only the latter
        has a length where donors are too few for the model.
    donors
        Where units are samples: row of the donor in ``design.units`` of every unit, the units of
        the source first, shape (n_units,). None: units are the donors of the design.
    level
        Coverage of the interval.

    Returns
    -------
    LabelledShifts
    """
    rows = _rows(design, model, contrast, donors)
    sides, (means, counts, spread) = rows.sides, of
    n_labels = counts.shape[1]
    rho = _correlation(means, counts, rows)
    found: list[_Fitted | None] = []
    raw, length = (np.full(n_labels, np.nan) for _ in range(2))
    positions = np.full(counts.shape, np.nan)
    notes: list[Note | None] = []
    for k in range(n_labels):
        there = counts[:, k] >= MIN_CELLS_PER_POSITION
        per_side = [int(counts[sides == side, k].sum()) for side in (0, 1)]
        note = None
        if min(per_side) < MIN_CELLS:
            note = Reason.FEW_CELLS_ON_A_SIDE.note(n_cells=min(per_side), least=MIN_CELLS)
        fitted = None
        if note is None:
            fitted = _fit(means[:, k], there, rows, rho)
        if note is None and fitted is None:
            note = _few_donors(design)
            if contrast is None or contrast.kind == "condition":  # all that cells can tell
                delta, noise = _between_cells(means[:, k], counts[:, k], sides, spread)
                raw[k] = np.linalg.norm(delta)
                length[k] = np.sqrt(max(raw[k] ** 2 - noise, 0.0))
        found.append(fitted)
        notes.append(note)
    low, high, p = (np.full(n_labels, np.nan) for _ in range(3))
    tested = [k for k, one in enumerate(found) if one is not None]
    if tested:
        dims = _effective_dimensions([found[k] for k in tested])
        for k in tested:
            one = found[k]
            assert one is not None
            noise = one.factor * float(np.trace(one.residual))
            raw[k] = np.linalg.norm(one.delta)
            length[k] = np.sqrt(max(raw[k] ** 2 - noise, 0.0))
            low[k], high[k], p[k] = _interval(one, dims, noise, level)
            positions[:, k] = _positions(means[:, k], counts[:, k], sides, one.delta)
    return LabelledShifts(
        raw / spread,
        length / spread,
        low / spread,
        high / spread,
        p,
        benjamini_hochberg(p),
        in_words(notes),
        positions / spread,
        spread,
    )


def _positions(
    means: np.ndarray, counts: np.ndarray, sides: np.ndarray, delta: np.ndarray
) -> np.ndarray:
    """Return the positions of the units along a displacement, source units about zero."""
    there = counts >= MIN_CELLS_PER_POSITION
    along = means @ (delta / max(float(np.linalg.norm(delta)), np.finfo(float).tiny))
    return np.where(there, along - along[there & (sides == 0)].mean(), np.nan)


def state_means(
    points: Pair[np.ndarray],
    codes: Pair[np.ndarray],
    units: Pair[np.ndarray],
    n_units: np.ndarray,
    n_labels: int,
) -> StateMeans:
    """Return the mean cell of every population in every unit.

    Parameters
    ----------
    points, codes, units, n_labels
        As in :func:`labelled_shifts`.
    n_units
        Number of units of source and target, shape (2,).
    """
    n_dims = points.source.shape[1]
    sums, counts, squares = [], [], 0.0
    for side, (x, own, unit) in enumerate(zip(points, codes, units, strict=True)):
        n = int(n_units[side])
        used = np.flatnonzero((own >= 0) & (unit >= 0))
        place = unit[used] * n_labels + own[used]
        member = sp.csr_matrix(
            (np.ones(len(used)), (place, np.arange(len(used)))), (n * n_labels, len(used))
        )
        sums.append((member @ x[used]).reshape(n, n_labels, n_dims))
        counts.append(np.bincount(place, minlength=n * n_labels).reshape(n, n_labels))
        squares += float(np.square(x[used]).sum())
    total, number = np.concatenate(sums), np.concatenate(counts).astype(float)
    means = total / np.maximum(number, 1.0)[..., None]
    explained = float((number[..., None] * np.square(means)).sum())
    freedom = max(number.sum() - (number > 0).sum(), 1.0)
    spread = float(np.sqrt(max(squares - explained, 0.0) / freedom))
    return StateMeans(means, number, spread)


def _rows(
    design: Design, model: Model | None, contrast: Contrast | None, donors: np.ndarray | None
) -> _Rows:
    matrix = design.matrix() if model is None else model.matrix
    if contrast is None and model is not None:
        contrast = model.contrasts[0]
    asked = np.eye(matrix.shape[1])[-1] if contrast is None else contrast.change
    own = np.arange(len(design.units)) if donors is None else donors
    return _Rows(design, matrix, asked, own)


def _correlation(means: np.ndarray, counts: np.ndarray, rows: _Rows) -> float:
    """Return the correlation of samples of a donor, over all populations; 0 without samples."""
    if not rows.repeated:
        return 0.0
    found = []
    for k in range(counts.shape[1]):
        there = counts[:, k] >= MIN_CELLS_PER_POSITION
        x, donors = rows.matrix[there], rows.donors[there]
        full = np.linalg.matrix_rank(x) == x.shape[1] < there.sum() - 1
        if full and len(np.unique(donors)) < len(donors):
            found.append(random_effect(means[there, k], x, donors, rows.asked).correlation)
    # whitening with a negative correlation would make differences between donors smaller
    return max(consensus(np.concatenate(found)), 0.0) if found else 0.0


def _fit(means: np.ndarray, there: np.ndarray, rows: _Rows, rho: float) -> _Fitted | None:
    """Fit the linear model to the units of one population; None when donors are too few."""
    donors, matrix, design = rows.donors[there], rows.matrix[there], rows.design
    n_donors = np.bincount(design.sides[np.unique(donors)], minlength=2)
    if not design.testable or n_donors.min() < MIN_DONORS:
        return None
    rank = int(np.linalg.matrix_rank(matrix))
    if design.paired and rank > len(matrix) - (MIN_DONORS - 1):
        return None
    index = np.unique(donors, return_inverse=True)[1]
    x, y = whitened(matrix, index, rho), whitened(means[there], index, rho)
    inverse = np.linalg.pinv(x)
    if rank >= len(matrix) or not np.allclose(rows.asked @ inverse @ x, rows.asked):
        return None
    rest = y - x @ (inverse @ y)
    weights = rows.asked @ inverse
    left = len(matrix) - rank
    freedom = float(left)
    if rows.repeated and rank == matrix.shape[1]:
        freedom = satterthwaite(matrix, index, rows.asked, rho)
    return _Fitted(weights @ y, rest.T @ rest / left, float(weights @ weights), freedom, left)


def _few_donors(design: Design) -> Note:
    if not design.replicated:
        return Reason.NO_REPLICATION.note()
    return Reason.FEW_DONORS_TO_MOVE.note(least=MIN_DONORS, n_cells=int(MIN_CELLS_PER_POSITION))


def _between_cells(
    means: np.ndarray, counts: np.ndarray, sides: np.ndarray, spread: float
) -> tuple[np.ndarray, float]:
    """Return the displacement of the mean cell, and what drawing cells adds to its square."""
    parts = [sides == 0, sides == 1]
    ends = [np.average(means[part], axis=0, weights=counts[part]) for part in parts]
    return ends[1] - ends[0], spread**2 * sum(1 / counts[part].sum() for part in parts)


def _effective_dimensions(found: list[_Fitted | None]) -> float:
    """Return h from the covariances of all populations, each scaled to trace one.

    The trace of the square of an estimated covariance is too large; the bias is removed
    (Srivastava 2005, J. Japan Statist. Soc. 35:251, section 2).
    """
    top = bottom = 0.0
    for one in found:
        assert one is not None
        trace = float(np.trace(one.residual))
        if trace <= 0 or one.residual_freedom < 2:
            continue
        square, f = float((one.residual**2).sum()), one.residual_freedom
        unbiased = f * f / ((f - 1) * (f + 2)) * (square - trace * trace / f)
        top += f
        bottom += f * unbiased / (trace * trace)
    n_dims = 1.0 if not found or found[0] is None else float(len(found[0].residual))
    return float(np.clip(top / bottom, 1.0, n_dims)) if bottom > 0 else n_dims


def _interval(one: _Fitted, dims: float, noise: float, level: float) -> tuple[float, float, float]:
    """Return the ends of the interval of the length, in units of the points, and p."""
    squared = float(one.delta @ one.delta)
    if noise <= 0:
        length = float(np.sqrt(squared))
        return length, length, 0.0 if length > 0 else 1.0
    f = min(squared / noise, MAX_F)
    df = dims, dims * one.freedom
    over = float(scipy.stats.f.sf(f, *df))
    p = min(1.0, 2 * min(over, 1 - over)) if over < 0.5 else 1.0
    low, high = (
        float(np.sqrt(_centre(value, df, above) * noise / dims))
        for value, above in ((f, (1 - level) / 2), (max(f, 1.0), (1 + level) / 2))
    )
    return low, high, p


def _centre(f: float, df: tuple[float, float], above: float) -> float:
    """Return the noncentrality for which F is larger than ``f`` with probability ``above``."""

    def beyond(centre: float) -> float:
        return float(_survival(f, df, centre)) - above

    if beyond(0.0) >= 0:
        return 0.0
    top = df[0] * (f + 1)
    while beyond(top) < 0:
        top *= 2
    return float(scipy.optimize.brentq(beyond, 0.0, top))


def _survival(f: float, df: tuple[float, float], centre: float) -> Any:
    """Return P(F > f) for the noncentral F distribution; exactly the central one at zero."""
    return scipy.stats.f.sf(f, *df) if centre == 0 else scipy.stats.ncf.sf(f, *df, centre)
