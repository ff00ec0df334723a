r"""The error of populations that were found, which all donors share.

A cell on the border of two found populations may belong to the other one. It is so in every donor,
so differences between donors do not show the error. Two things do:

* the *crossing* :math:`c_k`: the part of the assignments for and from population k that lead over
  its border. A target cell crosses when the source cell that it is assigned to
  (:mod:`cgmm.automatic.origins`) lies in another population than the target cell itself;
* the *differences* :math:`d_{ik}` between the log2 factors when populations are found in m other
  ways and as they are (:class:`cgmm.automatic.populations.Populations`).

The variance of the change of the log-odds is

.. math:: B_k = a\, c_k + \frac{b}{m} \sum_i \min(|d_{ik}|, 2)^2 (\ln 2 / (1 - p_k))^2,

with :math:`p_k` the mean share. A way that differs more than fourfold counts as fourfold: one bad
way of several would else make an interval that says nothing. Such a factor is called not settled
instead. The constants a and b were chosen on simulated comparisons by the likelihood of the errors;
``docs/calibration.md`` has what they give on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cgmm.transport.coupling import divide

PER_CROSSING = 0.15  # a
PER_DIFFERENCE = 0.7  # b
MAX_DIFFERENCE = 2.0  # log2 units
MIN_OTHER_SHARE = 0.05
HALF = 0.5  # of a cell


class Borders(NamedTuple):
    """How certain the borders of P found populations are.

    Attributes
    ----------
    differences
        Differences of the log2 factors when populations are found in other ways, shape (m, P).
    crossing
        Part of the assignments that cross the border of each population, shape (P,).
    """

    differences: np.ndarray
    crossing: np.ndarray

    @classmethod
    def along(cls, of_targets: Sequence[Borders], weights: Sequence[float]) -> Borders:
        """Return the borders of a weighted sum of the log2 factors of several targets.

        Parameters
        ----------
        of_targets
            The borders in every target, of the same populations.
        weights
            Weight of every target.
        """
        pairs = list(zip(weights, of_targets, strict=True))
        return cls(
            sum((w * one.differences for w, one in pairs), np.zeros(of_targets[0][0].shape)),
            sum((w * w * one.crossing for w, one in pairs), np.zeros(of_targets[0][1].shape)),
        )

    def variance(self, shares: np.ndarray) -> np.ndarray:
        """Return the variance of a change of natural log-odds, shape (K,).

        Parameters
        ----------
        shares
            Shares in every unit, shape (n_units, K), K of at least P. Further columns, such as the
            cells without a population, have no such variance.
        """
        other = np.clip(1 - shares.mean(axis=0), MIN_OTHER_SHARE, 1.0)
        cut = np.clip(self.differences, -MAX_DIFFERENCE, MAX_DIFFERENCE)
        square = np.square(cut).mean(axis=0) if len(cut) else np.zeros(len(self.crossing))
        more = (0, shares.shape[1] - len(square))
        return PER_CROSSING * np.pad(self.crossing, more) + PER_DIFFERENCE * np.pad(
            square, more
        ) * np.square(np.log(2) / other)


def crossing(origins: np.ndarray, own: np.ndarray, n: int) -> np.ndarray:
    """Return the part of the assignments that cross the border of each population, shape (P,).

    Parameters
    ----------
    origins
        Population of the source cell to which every target cell is assigned, -1 for none, (N1,).
    own
        Population of every target cell, -1 for none, shape (N1,).
    n
        Number of populations, P.

    Returns
    -------
    The mean of two parts: of the target cells of the population that are assigned to others, and of
    the target cells that are assigned to the population and lie in others. Half a cell is added, so
    a population with few cells is never without doubt. Zero without any assignment.
    """
    there = (origins >= 0) & (own >= 0)
    table = np.zeros((n, n))
    np.add.at(table, (origins[there], own[there]), 1.0)
    if not there.any():
        return np.zeros(n)
    parts = [
        divide(total - np.diag(table) + HALF, total + 2 * HALF)
        for total in (table.sum(axis=0), table.sum(axis=1))
    ]
    return np.mean(parts, axis=0)
