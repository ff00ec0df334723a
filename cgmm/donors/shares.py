r"""Shares of the components in each donor: the observations of every test over donors.

The donor is the unit of replication: a mixture is fitted to all cells, then each donor is one
observation.  With responsibilities :math:`r`, the share of component :math:`k` in donor :math:`d`
is the mean of :math:`r_{ik}` over the cells of the donor.  Shares of target components are carried
back to the source components with :math:`R_{kl}`, the part of target component :math:`l` that came
from source component :math:`k` (columns of R sum to one),

.. math:: s_{dk} = \bar r_{dk}, \qquad y_{dk} = \sum_l R_{kl} \bar r_{dl}.

:math:`R` is counted cell by cell (:mod:`cgmm.automatic.origins`), or follows from the coupling
(:func:`cgmm.transport.coupling.share_of_target`).

Statistics of these shares alone are conditional on the fitted components: they contain the
variation between donors, but not the change of the components with other donors.
:mod:`cgmm.donors.refit` adds this change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm._utils.codes import coded
from cgmm._utils.lazy_rows import Rows, summed
from cgmm.thresholds import MIN_CELLS_PER_DONOR


class DonorShares(NamedTuple):
    """Shares of the components in each donor of one side."""

    donors: np.ndarray  #: (n_donors,) names, sorted
    shares: np.ndarray  #: (n_donors, K), rows sum to one
    n_cells: np.ndarray  #: (n_donors,)


def donor_shares(responsibilities: Rows, donors: np.ndarray) -> DonorShares:
    """Return the mean responsibilities of the cells of each donor.

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
    names, index = coded(donors)
    shares = unit_shares(responsibilities, index, len(names))
    return DonorShares(names.astype(object), shares, np.bincount(index, minlength=len(names)))


def unit_shares(responsibilities: Rows, units: np.ndarray, n_units: int) -> np.ndarray:
    """Return the mean responsibilities of the cells of each unit.

    Parameters
    ----------
    responsibilities
        Shape (n_cells, K).
    units
        Unit of every cell as a whole number from 0, -1 for cells that do not count, (n_cells,).
    n_units
        Number of units.

    Returns
    -------
    Shape (n_units, K); zeros for a unit without cells.
    """
    there = units >= 0
    sums = summed(responsibilities, np.maximum(units, 0), n_units, there.astype(float))
    n_cells = np.bincount(units[there], minlength=n_units)
    return sums / np.maximum(n_cells, 1)[:, None]


def donor_weights(donors: np.ndarray) -> np.ndarray:
    """Return weights of cells with which all donors count equally.

    Donors with fewer than ``MIN_CELLS_PER_DONOR`` cells, which no factor is read from
    (:mod:`cgmm.donors.design`), count by their cells: a cell of theirs weighs as much as a cell of
    the median donor, so a handful of cells is not a whole donor.

    Parameters
    ----------
    donors
        Donor of each cell, shape (n_cells,).

    Returns
    -------
    Weights with sum one, shape (n_cells,); ``1 / (n_donors * n_cells_of_the_donor)`` where every
    donor has enough cells, or none has.
    """
    names, index = coded(donors)
    n_cells = np.bincount(index, minlength=len(names))
    counted = n_cells[n_cells >= MIN_CELLS_PER_DONOR]
    size = n_cells
    if len(counted):
        size = np.where(n_cells >= MIN_CELLS_PER_DONOR, n_cells, np.median(counted))
    weights = 1.0 / size[index]
    return weights / weights.sum()
