"""Influence of single donors: factors without one donor, and donors that disagree.

Leaving out a donor removes it from both conditions, and the factor is estimated again in the same
way (:mod:`cgmm.donors.labelled`, or :mod:`cgmm.donors.linear` under a design formula; NaN where
the formula cannot answer without the donor). A donor disagrees with a change when the change of
its own log-odds has the other sign. For a donor in both conditions, the change is between its own
log-odds. For a donor in one condition, its log-odds are compared with the mean log-odds of the
other condition.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from cgmm.donors.design import Design
from cgmm.donors.formula import Contrast
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.linear import Observations, linear_factors
from cgmm.donors.moderated_t import log_odds


def leave_one_donor_out(
    counts: np.ndarray, design: Design, *, formula: tuple[Observations, Contrast] | None = None
) -> pd.DataFrame:
    """Return the factor of every population with one donor left out.

    Parameters
    ----------
    counts
        Number of cells of every unit of the design with every label, shape (n_units, K).
    design
        From :func:`cgmm.donors.design.design`.
    formula
        Counts with the model of a design formula, and its change of the condition; None: the
        conditions with pairs or batches.

    Returns
    -------
    One row for each donor and population, donors sorted: ``donor``, ``population`` (position in the
    counts), ``log2_net_without``, ``disagrees``. No rows when a condition has a single donor.
    """
    columns = {"donor": object, "population": int, "log2_net_without": float, "disagrees": bool}
    if not design.replicated or min(design.n_units) < 2:
        return pd.DataFrame({name: np.empty(0, kind) for name, kind in columns.items()})
    counts = np.asarray(counts, dtype=float)
    sides = design.sides
    n_cells = counts.sum(axis=1)
    y = log_odds(counts / np.maximum(n_cells, 1.0)[:, None], n_cells)
    everyone = labelled_factors(counts, design).log2_net
    if formula is not None:
        everyone = linear_factors(*formula)[0].log2_net
    names = np.array([str(unit.donor) for unit in design.units], dtype=object)
    frames = []
    for donor in sorted(set(names)):
        kept = names != donor
        units = tuple(unit for unit, keep in zip(design.units, kept, strict=True) if keep)
        if formula is None:
            without = labelled_factors(counts[kept], design._replace(units=units)).log2_net
        else:
            without = _without(*formula, donor)
        ends = [
            y[(sides == s) & ~kept] if ((sides == s) & ~kept).any() else y[sides == s]
            for s in (0, 1)
        ]
        change = ends[1].mean(axis=0) - ends[0].mean(axis=0)
        frames.append(
            pd.DataFrame(
                {
                    "donor": donor,
                    "population": np.arange(counts.shape[1]),
                    "log2_net_without": without,
                    "disagrees": change * np.sign(everyone) < 0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)[list(columns)]


def _without(seen: Observations, contrast: Contrast, donor: str) -> np.ndarray:
    """Return the log2 factor of every label under a formula without a donor, shape (K,)."""
    of_unit = [seen.plan.units[i] for i in seen.donors]
    kept = np.array([str(unit.donor) != donor for unit in of_unit])
    used = np.abs(seen.matrix[kept]).max(axis=0) > 0  # a pair has a column of its own
    matrix, change = seen.matrix[kept][:, used], contrast.change[used]
    inverse = np.linalg.pinv(matrix)
    if not np.allclose(change @ inverse @ matrix, change):
        return np.full(seen.counts.shape[1], np.nan)
    coefficients = inverse @ seen.log_odds[kept]
    in_target = np.mean([unit.side for unit, keep in zip(of_unit, kept, strict=True) if keep])
    beta = change @ coefficients
    middle = matrix.mean(axis=0) @ coefficients + beta * (0.5 - in_target)
    return np.log2(expit(middle + beta / 2)) - np.log2(expit(middle - beta / 2))
