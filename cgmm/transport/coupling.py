"""Transfers, origins and net factors that follow from a coupling."""

from __future__ import annotations

import numpy as np


def share_of_source(coupling: np.ndarray) -> np.ndarray:
    """Return ``T``, the fraction of each source component that goes to each target component.

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
    """Return which source components are gone: components without mass in the coupling.

    :func:`cgmm.automatic.counterparts.unmatched` finds components without a counterpart, and the
    fit without tuning sets their rows of the coupling to zero.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).  For the transpose, the function returns which target components are new.

    Returns
    -------
    Boolean, shape (K0,).
    """
    return np.asarray(coupling).sum(axis=1) <= 0


def transfer_mass(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """Return the fraction of all source cells in each transfer from component to component.

    The coupling is used for where the cells of a component go, not for how many cells go.  Where
    states change strongly, the coupling contains only a small part of a component's mass.  If its
    masses were used as numbers of cells, cells of a large component that moved far would be
    attributed to a small component that moved little.

    Parameters
    ----------
    coupling
        W, shape (K0, K1).
    shares_source
        Shares without penalty, shape (K0,).

    Returns
    -------
    ``s_k T_kl``, shape (K0, K1).  Rows of source components that are gone (:func:`is_gone`) and
    columns of target components that are new are zero.
    """
    return np.asarray(shares_source)[:, None] * share_of_source(coupling)


def share_of_target(coupling: np.ndarray, shares_source: np.ndarray) -> np.ndarray:
    """Return ``R``, the part of each target component that came from each source component.

    ``R`` follows from the coupling by Bayes' rule, with the shares of the source as prior: ``R_kl``
    is proportional to ``s_k T_kl``.

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
    """Return the origins under another coupling, from origins counted under the first coupling.

    Parameters
    ----------
    origin
        ``R`` counted over cells (:mod:`cgmm.automatic.origins`), shape (K0, K1).
    before, after
        ``R`` that follows from the first and from the other coupling (:func:`share_of_target`).

    Returns
    -------
    ``origin + after - before``, shape (K0, K1).  Negative entries are set to zero, and columns are
    scaled to sum to one.
    """
    moved = np.maximum(origin + (after - before), 0.0)
    return divide(moved, np.broadcast_to(moved.sum(axis=0, keepdims=True), moved.shape))


def log2_net(
    origin: np.ndarray, shares_source: np.ndarray, shares_target: np.ndarray
) -> np.ndarray:
    """Return the log2 net factor of each source component.

    ``net_k = sum_l R_kl t_l / s_k``.  The sum ``sum_k s_k net_k`` is the total share of the target
    components that have an origin.  It is one unless some target components are new.

    Parameters
    ----------
    origin
        ``R``, where the cells of each target component came from, shape (K0, K1).
    shares_source, shares_target
        Shares without penalty, shapes (K0,) and (K1,).

    Returns
    -------
    Shape (K0,).  ``-inf`` where no target cell came from the component.
    """
    carried = origin @ shares_target
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(carried) - np.log2(shares_source)


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, and zero where b is not positive."""
    return np.divide(a, b, out=np.zeros_like(a, dtype=float), where=b > 0)
