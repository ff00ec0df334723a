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
(:mod:`cgmm.automatic.origins`) or follows from the coupling, :math:`R_{kl} \propto s_k T_{kl}` with
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


class DonorShares(NamedTuple):
    """Shares of the components in each donor of one side."""

    donors: np.ndarray  #: (n_donors,) names, sorted
    shares: np.ndarray  #: (n_donors, K), rows sum to one
    n_cells: np.ndarray  #: (n_donors,)


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
