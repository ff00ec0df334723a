"""Influence of single donors: factors without one donor, and donors that disagree.

Leaving out a donor removes it from both conditions, and the factor is estimated again in the same
way (:mod:`cgmm.donors.labelled`). A donor disagrees with a change when the change of its own
log-odds has the other sign. For a donor in both conditions, the change is between its own log-odds.
For a donor in one condition, its log-odds are compared with the mean log-odds of the other
condition.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm.donors.design import Design
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.moderated_t import log_odds


def leave_one_donor_out(counts: np.ndarray, design: Design) -> pd.DataFrame:
    """Return the factor of every population with one donor left out.

    Parameters
    ----------
    counts
        Number of cells of every unit of the design with every label, shape (n_units, K).
    design
        From :func:`cgmm.donors.design.design`.

    Returns
    -------
    One row for each donor and population, donors sorted: ``donor``, ``population`` (position in the
    counts), ``log2_net_without``, ``disagrees``. No rows when a condition has a single donor.
    """
    columns = ["donor", "population", "log2_net_without", "disagrees"]
    if not design.replicated or min(design.n_units) < 2:
        return pd.DataFrame({name: [] for name in columns})
    counts = np.asarray(counts, dtype=float)
    sides = design.sides
    n_cells = counts.sum(axis=1)
    y = log_odds(counts / np.maximum(n_cells, 1.0)[:, None], n_cells)
    everyone = labelled_factors(counts, design).log2_net
    names = np.array([str(unit.donor) for unit in design.units], dtype=object)
    frames = []
    for donor in sorted(set(names)):
        kept = names != donor
        units = tuple(unit for unit, keep in zip(design.units, kept, strict=True) if keep)
        without = labelled_factors(counts[kept], design._replace(units=units)).log2_net
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
    return pd.concat(frames, ignore_index=True)[columns]
