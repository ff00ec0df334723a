r"""Shares per donor, and intervals of the log2 net factor over donors.

The donor is the unit of replication: a mixture is fitted to all cells, then each donor is read as
one observation. With responsibilities :math:`r`, the share of component :math:`k` in a donor
:math:`d` is the mean of :math:`r_{ik}` over the donor's cells. For the target side shares are first
carried back to the source components with :math:`R_{kl}`, the part of target component :math:`l`
that came from :math:`k` (columns of R sum to one),

.. math:: s_{dk} = \bar r_{dk}, \qquad y_{dk} = \sum_l R_{kl} \bar r_{dl},

and the estimate is the mean of :math:`\log_2 y_{dk}` over target donors less the mean of
:math:`\log_2 s_{dk}` over source donors, each share plus a pseudocount of half a cell. Its interval
is Welch's t (unpaired) or the one-sample t of the per-donor differences (paired); q is Benjamini
and Hochberg's over the components that have a p. :math:`R` is counted cell by cell
(:mod:`cgmm.votes`) or follows from the coupling, :math:`R_{kl} \propto s_k T_{kl}` with
:math:`T_{kl} = W_{kl} / (W 1)_k` (:func:`share_of_target`).

The interval is conditional on the fitted components: it says how much donors vary, not how much
the components would move if the mixture were fitted to other donors. No number here is made by
counting cells.

References: Welch 1947, Biometrika 34:28; Benjamini & Hochberg 1995, J R Stat Soc B 57:289; for
testing shares transformed per donor, Phipson et al. 2022 (propeller), Bioinformatics 38:4720.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

MIN_DONORS = 3
MIN_CELLS = 20
PSEUDOCOUNT = 0.5
LEVEL = 0.95
NO_PAIRS = (
    "paired=True needs donors that are in both conditions, but no donor is: "
    "check the donor names or use paired=False."
)


class DonorShares(NamedTuple):
    """Shares of the components in each donor of one side."""

    donors: np.ndarray  #: (n_donors,) names, sorted
    shares: np.ndarray  #: (n_donors, K), rows sum to one
    n_cells: np.ndarray  #: (n_donors,)


class DonorIntervals(NamedTuple):
    """Estimate, interval and test of the log2 net factor of each source component."""

    estimate: np.ndarray  #: (K,) difference of the means of log2 shares
    low: np.ndarray  #: (K,) lower end of the 95 % interval
    high: np.ndarray  #: (K,) upper end
    p: np.ndarray  #: (K,) two-sided
    q: np.ndarray  #: (K,) Benjamini-Hochberg over components with a p
    reason: list[str]  #: (K,) why a number is missing, else ""
    paired: bool  #: whether donors were compared with themselves


def donor_shares(responsibilities: np.ndarray, donors: np.ndarray) -> DonorShares:
    """Mean responsibilities per donor.

    Parameters
    ----------
    responsibilities
        Shape (n_cells, K), rows sum to one.
    donors
        Donor of each cell, shape (n_cells,).

    Returns
    -------
    DonorShares, donors in sorted order.
    """
    names, index = np.unique(np.asarray(donors).astype(str), return_inverse=True)
    n_cells = np.bincount(index, minlength=len(names))
    sums = np.zeros((len(names), responsibilities.shape[1]))
    np.add.at(sums, index, responsibilities)
    return DonorShares(names.astype(object), sums / n_cells[:, None], n_cells)


def donor_weights(donors: np.ndarray) -> np.ndarray:
    """Weights of cells that make donors count equally.

    Parameters
    ----------
    donors
        Donor of each cell, shape (n_cells,).

    Returns
    -------
    Shape (n_cells,): 1 / (n_donors * n_cells_of_the_donor), sums to one.
    """
    _, index, n_cells = np.unique(
        np.asarray(donors).astype(str), return_inverse=True, return_counts=True
    )
    return 1.0 / (len(n_cells) * n_cells[index])


def share_of_source(coupling: np.ndarray) -> np.ndarray:
    """T, where the mass of each source component goes.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).

    Returns
    -------
    T = W / (W 1), shape (K0, K1). Rows sum to one; a row without mass is zero.
    """
    return divide(coupling, coupling.sum(axis=1, keepdims=True))


def lost(coupling: np.ndarray) -> np.ndarray:
    """Source components without mass in the coupling: gone.

    :func:`cgmm.movement.unmatched` finds them, and the fit empties their rows.

    Parameters
    ----------
    coupling
        W, shape (K0, K1); transposed for target components, which are new.

    Returns
    -------
    Boolean, shape (K0,).
    """
    return np.asarray(coupling).sum(axis=1) <= 0


def transfer_mass(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """Fraction of all source cells that goes from each source to each target component.

    The coupling decides where the cells of a component go, not how many arrive: with strong
    changes of state it gives up most of a component's mass, and a small component that moved
    less would otherwise be credited with the cells of a large one that moved more.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    shares_source
        Shares without penalty, shape (K0,).

    Returns
    -------
    ``s_k T_kl``, shape (K0, K1).  Components of the source that are :func:`lost` send nothing,
    those of the target that are new receive nothing.
    """
    return np.asarray(shares_source)[:, None] * share_of_source(coupling)


def share_of_target(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """R, where the cells of each target component came from, as the coupling has it.

    Bayes' rule with the shares of the source as prior: ``R_kl`` is proportional to ``s_k T_kl``.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    shares_source
        Shares without penalty, shape (K0,).

    Returns
    -------
    R, shape (K0, K1). Columns sum to one; a column without mass is zero.
    """
    mass = transfer_mass(coupling, shares_source)
    return divide(mass, mass.sum(axis=0, keepdims=True))


def shifted_origin(origin: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Origins under another coupling, when cells have corrected those of the first.

    Parameters
    ----------
    origin
        R as the cells have it (:mod:`cgmm.votes`), shape (K0, K1).
    before, after
        R as the first and the other coupling have it (:func:`share_of_target`).

    Returns
    -------
    R moved by as much as the coupling's moved, shape (K0, K1), columns summing to one.
    """
    moved = np.maximum(origin + (after - before), 0.0)
    return divide(moved, np.broadcast_to(moved.sum(axis=0, keepdims=True), moved.shape))


def log2_net(
    origin: np.ndarray, shares_source: np.ndarray, shares_target: np.ndarray
) -> np.ndarray:
    """Log2 net factor of each source component.

    ``net_k = sum_l R_kl t_l / s_k``, so that ``sum_k s_k net_k`` is the share of all target
    components that came from somewhere: one, unless some are new.

    Parameters
    ----------
    origin
        R, where the cells of each target component came from, shape (K0, K1).
    shares_source, shares_target
        Shares without penalty, shapes (K0,) and (K1,).

    Returns
    -------
    Shape (K0,). ``-inf`` where nothing of the target came from the component.
    """
    carried = origin @ shares_target
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(carried) - np.log2(shares_source)


def intervals(
    source: DonorShares | None,
    target: DonorShares | None,
    origin: np.ndarray,
    *,
    paired: bool | None = None,
    level: float = LEVEL,
) -> DonorIntervals:
    """Intervals of the log2 net factors over donors.

    Parameters
    ----------
    source, target
        Shares per donor of either side, or None when donors are not known.
    origin
        R, where the cells of each target component came from, shape (K0, K1).
    paired
        Compare donors with themselves, using those that are in both conditions. None: when at
        least three are, and they are at least half of all donors.
    level
        Coverage of the interval.

    Returns
    -------
    DonorIntervals. Where donors or cells are too few the numbers are NaN and ``reason`` says why.

    Raises
    ------
    ValueError
        When ``paired=True`` and no donor is in both conditions.
    """
    n = origin.shape[0]
    if source is None or target is None:
        return _nothing(
            n, "No donors were given, so there is no replication to base an interval on."
        )
    both, in_source, in_target = np.intersect1d(source.donors, target.donors, return_indices=True)
    if paired is None:
        n_donors = len(source.donors) + len(target.donors) - len(both)
        paired = paired_unless_told(len(both), n_donors)
    if paired:
        if not len(both):
            raise ValueError(NO_PAIRS)
        source = DonorShares(both, source.shares[in_source], source.n_cells[in_source])
        target = DonorShares(both, target.shares[in_target], target.n_cells[in_target])

    carried = target.shares @ origin.T
    y0 = _log2_shares(source.shares, source.n_cells)
    y1 = _log2_shares(carried, target.n_cells)
    estimate, half, p = _paired(y0, y1, level) if paired else _welch(y0, y1, level)

    too_few = _too_few_donors(len(source.donors), len(target.donors), paired=paired)
    reason = [
        too_few or too_few_cells(source.shares[:, k], source.n_cells, carried[:, k], target.n_cells)
        for k in range(n)
    ]
    reason = [
        r or ("" if np.isfinite(half[k]) else "The donors do not differ at all, so no interval.")
        for k, r in enumerate(reason)
    ]
    missing = np.array([bool(r) for r in reason])
    estimate, half, p = (np.where(missing, np.nan, x) for x in (estimate, half, p))
    return DonorIntervals(
        estimate, estimate - half, estimate + half, p, benjamini_hochberg(p), reason, paired
    )


def paired_unless_told(n_both: int, n_donors: int) -> bool:
    """Whether donors are compared with themselves when nobody says.

    Parameters
    ----------
    n_both
        Donors that are in both conditions.
    n_donors
        All donors.
    """
    return n_both >= max(MIN_DONORS, n_donors / 2)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q-values; NaN stay NaN and do not count as tests.

    Parameters
    ----------
    p
        p-values, shape (n,), may hold NaN.

    Returns
    -------
    q-values, shape (n,).
    """
    q = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if len(known):
        q[known] = scipy.stats.false_discovery_control(p[known], method="bh")
    return q


def _log2_shares(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    return np.log2(shares + PSEUDOCOUNT / n_cells[:, None])


def _welch(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Difference of means, half width, p; y0 (n0, K), y1 (n1, K)."""
    estimate = y1.mean(axis=0) - y0.mean(axis=0)
    if min(len(y0), len(y1)) < 2:
        return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    v0, v1 = y0.var(axis=0, ddof=1) / len(y0), y1.var(axis=0, ddof=1) / len(y1)
    freedom = divide((v0 + v1) ** 2, v0**2 / (len(y0) - 1) + v1**2 / (len(y1) - 1))
    return estimate, *_student(estimate, np.sqrt(v0 + v1), freedom, level)


def _paired(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Mean of differences, half width, p; rows of both are the same donors in the same order."""
    difference = y1 - y0
    estimate = difference.mean(axis=0)
    if len(y0) < 2:
        return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    error = difference.std(axis=0, ddof=1) / np.sqrt(len(y0))
    freedom = np.full_like(estimate, len(y0) - 1.0)
    return estimate, *_student(estimate, error, freedom, level)


def _student(
    estimate: np.ndarray, error: np.ndarray, freedom: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Half width and two-sided p; NaN where donors do not vary at all."""
    usable = error > 0
    safe = np.where(usable, error, 1.0)
    df = np.where(usable, freedom, 1.0)
    half = scipy.stats.t.ppf(0.5 + level / 2, df) * safe
    p = 2 * scipy.stats.t.sf(np.abs(estimate) / safe, df)
    return np.where(usable, half, np.nan), np.where(usable, p, np.nan)


def _too_few_donors(n0: int, n1: int, *, paired: bool) -> str:
    if min(n0, n1) >= MIN_DONORS:
        return ""
    if paired:
        return f"Only {counted(n0)} in both conditions; an interval needs at least {MIN_DONORS}."
    return (
        f"Only {counted(n0)} in the source and {counted(n1)} in the target; "
        f"an interval needs at least {MIN_DONORS} in each."
    )


def too_few_cells(s0: np.ndarray, n0: np.ndarray, s1: np.ndarray, n1: np.ndarray) -> str:
    """Sentence if a component has too few cells, or is seen in too few donors, on either side."""
    for side, cells in (("source", s0 * n0), ("target", s1 * n1)):
        if cells.sum() < MIN_CELLS:
            return (
                f"About {cells.sum():.0f} cells in the {side}; "
                f"an interval needs at least {MIN_CELLS}."
            )
        seen = int((cells >= 1).sum())
        if seen < 2:
            return f"Seen in only {counted(seen)} of the {side}; an interval needs at least 2."
    return ""


def counted(n: int) -> str:
    """Write "1 donor" or "2 donors"."""
    return f"{n} donor" if n == 1 else f"{n} donors"


def _nothing(n: int, reason: str) -> DonorIntervals:
    empty = np.full(n, np.nan)
    return DonorIntervals(
        estimate=empty,
        low=empty.copy(),
        high=empty.copy(),
        p=empty.copy(),
        q=empty.copy(),
        reason=[reason] * n,
        paired=False,
    )


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide a by b, giving zero where b is not positive."""
    return np.divide(a, b, out=np.zeros_like(a, dtype=float), where=b > 0)
