r"""How much of a change RNA from other cells could make.

Droplets hold, besides the RNA of their cell, a little of the RNA of all cells of the sample (Young
& Behjati 2020, GigaScience 9, giaa151). A gene that one large subpopulation switches on then
appears to rise everywhere. With the mean expression :math:`e_{kg}` of a subpopulation (per 10,000
counts, not its logarithm) and :math:`\bar e_g` of all cells, a subpopulation with the contaminated
part :math:`\alpha_k` has at least :math:`\alpha_k \bar e_g` of every gene, so that
:math:`\alpha_k` is at most the smallest ratio :math:`e_{kg} / \bar e_g` over genes that are
plentiful on the whole. This bound is far from sharp where no plentiful gene is silent; it is never
taken above a fifth. The part of a change that contamination can make is then at most

.. math:: a_{kg} = \frac{\alpha^1_k \bar e^1_g - \alpha^0_k \bar e^0_g}{e^1_{kg} - e^0_{kg}}

cut to [0, 1].
"""

from __future__ import annotations

import numpy as np

N_PLENTIFUL = 300
MIN_EXPRESSION = (
    0.01  # quantile that stands for the smallest ratio: a silent gene may be missed by chance
)
MAX_SHARE = 0.2


def contamination(expression: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bound the contaminated part of each component.

    Parameters
    ----------
    expression
        Mean expression, not logarithms, shape (K, n_genes).
    mass
        Weight of each component among all cells, shape (K,).

    Returns
    -------
    alpha
        Shape (K,), between 0 and 0.2.
    overall
        Mean expression of all cells, shape (n_genes,).
    """
    known = np.nan_to_num(expression)
    overall = mass @ known / mass.sum()
    plentiful = np.argsort(-overall, kind="stable")[:N_PLENTIFUL]
    plentiful = plentiful[overall[plentiful] > 0]
    if not len(plentiful):
        return np.zeros(len(mass)), overall
    ratio = known[:, plentiful] / overall[plentiful]
    return np.minimum(np.quantile(ratio, MIN_EXPRESSION, axis=1), MAX_SHARE), overall


def ambient_share(
    source: np.ndarray,
    target: np.ndarray,
    added_source: np.ndarray,
    added_target: np.ndarray,
) -> np.ndarray:
    """Bound the part of each change that contamination can make.

    Parameters
    ----------
    source, target
        Mean expression before and after, shape (K, n_genes).
    added_source, added_target
        What contamination adds to it at most, shape (K, n_genes).

    Returns
    -------
    Shape (K, n_genes), between 0 and 1; 0 where nothing changes.
    """
    change = target - source
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (added_target - added_source) / change
    return np.where(change == 0, 0.0, np.clip(share, 0.0, 1.0))
