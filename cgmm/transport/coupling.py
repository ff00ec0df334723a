"""Readings of a coupling: where the mass of each component goes, and where it came from."""

from __future__ import annotations

import numpy as np


def share_of_source(coupling: np.ndarray) -> np.ndarray:
    """``T``: where the mass of each source component goes, as fractions.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).

    Returns
    -------
    ``T = W / (W 1)``, shape (K0, K1).  Rows sum to one; a row without mass is zero.
    """
    return divide(coupling, coupling.sum(axis=1, keepdims=True))


def is_gone(coupling: np.ndarray) -> np.ndarray:
    """Find source components without mass in the coupling: these components are gone.

    :func:`cgmm.automatic.counterparts.unmatched` finds components without a counterpart, and the
    fit without tuning sets their rows of the coupling to zero.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).  With the transpose, the result says which target components are new.

    Returns
    -------
    Boolean, shape (K0,).
    """
    return np.asarray(coupling).sum(axis=1) <= 0


def transfer_mass(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """Fraction of all source cells that goes from each source to each target component.

    The coupling decides where the cells of a component go, not how many cells go.  Where states
    change strongly, most mass of a component leaves the coupling.  Taken as a number of cells, the
    coupling would credit a small component that moved little with the cells of a large component
    that moved far.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    shares_source
        Shares without penalty, shape (K0,).

    Returns
    -------
    ``s_k T_kl``, shape (K0, K1).  Source components that are gone (:func:`is_gone`) send nothing;
    target components that are new receive nothing.
    """
    return np.asarray(shares_source)[:, None] * share_of_source(coupling)


def share_of_target(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """``R``: where the cells of each target component came from, according to the coupling.

    Bayes' rule with the shares of the source as prior: ``R_kl`` is proportional to ``s_k T_kl``.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    shares_source
        Shares without penalty, shape (K0,).

    Returns
    -------
    ``R``, shape (K0, K1).  Columns sum to one; a column without mass is zero.
    """
    mass = transfer_mass(coupling, shares_source)
    return divide(mass, mass.sum(axis=0, keepdims=True))


def shifted_origin(origin: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Origins under another coupling, where the origins of the first were counted over cells.

    Parameters
    ----------
    origin
        ``R`` counted over cells (:mod:`cgmm.automatic.origins`), shape (K0, K1).
    before, after
        ``R`` according to the first and to the other coupling (:func:`share_of_target`).

    Returns
    -------
    ``origin`` changed by the difference of the two, shape (K0, K1), columns summing to one.
    """
    moved = np.maximum(origin + (after - before), 0.0)
    return divide(moved, np.broadcast_to(moved.sum(axis=0, keepdims=True), moved.shape))


def log2_net(
    origin: np.ndarray, shares_source: np.ndarray, shares_target: np.ndarray
) -> np.ndarray:
    """Log2 net factor of each source component.

    ``net_k = sum_l R_kl t_l / s_k``.  The sum ``sum_k s_k net_k`` is the share of all target
    components that have an origin: one, unless some components are new.

    Parameters
    ----------
    origin
        ``R``, where the cells of each target component came from, shape (K0, K1).
    shares_source, shares_target
        Shares without penalty, shapes (K0,) and (K1,).

    Returns
    -------
    Shape (K0,).  ``-inf`` where nothing of the target came from the component.
    """
    carried = origin @ shares_target
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(carried) - np.log2(shares_source)


def counted_transfers(
    origin: np.ndarray, shares_target: np.ndarray, became: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the cells of each source component went, by the origins of the target cells.

    :func:`share_of_source` reads the same from the coupling.  The two agree where the borders
    between components lie alike in both conditions.  Arguments are matrices (K0, K1), or any shapes
    that broadcast, such as one value for each pair of components.

    Parameters
    ----------
    origin
        R, the part of the target component that came from the source component.
    shares_target
        Share of the target component among target cells.
    became
        Share among target cells of all cells that came from the source component.

    Returns
    -------
    arrives
        Part of all target cells that came along the pair.
    share
        Part of what the source component became that lies in the target component; NaN where
        nothing came from the source component.
    """
    arrives = origin * shares_target
    return arrives, arrives / np.where(became > 0, became, np.nan)


def misplaced(first: np.ndarray, second: np.ndarray) -> float:
    """Return the part of a component that two readings of its transfers put in different places.

    Parameters
    ----------
    first, second
        Shares of the component that go to each target component, shape (K1,).
    """
    return float(1 - np.minimum(first, second).sum())


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide a by b; zero where b is not positive."""
    return np.divide(a, b, out=np.zeros_like(a, dtype=float), where=b > 0)
