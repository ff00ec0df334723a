r"""Upper bound of the part of a change in expression that RNA from other cells explains.

A droplet contains the RNA of its cell and a small amount of RNA from all cells of the sample (Young
& Behjati 2020, GigaScience 9, giaa151).  When one large subpopulation switches a gene on, the gene
therefore appears to rise in every subpopulation.  Let :math:`e_{kg}` be the mean expression of gene
:math:`g` in subpopulation :math:`k` (per 10,000 counts, not a logarithm), and :math:`\bar e_g` the
mean over all cells.  If contamination is the part :math:`\alpha_k` of the counts of the
subpopulation, its expression of every gene is at least :math:`\alpha_k \bar e_g`.
:math:`\alpha_k` is therefore at most the smallest ratio :math:`e_{kg} / \bar e_g` over the genes
with the largest :math:`\bar e_g`.  The bound is loose where the subpopulation expresses all these
genes, so it is limited to a fifth.  Contamination then explains at most this part of a change:

.. math:: a_{kg} = \frac{\alpha^1_k \bar e^1_g - \alpha^0_k \bar e^0_g}{e^1_{kg} - e^0_{kg}}

cut to [0, 1].
"""

from __future__ import annotations

import numpy as np

N_PLENTIFUL = 300
# quantile in place of the smallest ratio, because one gene may have no counts by chance
SMALLEST_RATIO_QUANTILE = 0.01
MAX_SHARE = 0.2


def contamination(expression: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an upper bound of the part of each component that is contamination.

    Parameters
    ----------
    expression
        Mean expression, not logarithms, shape (K, n_genes).
    mass
        Total weight of the cells of each component, shape (K,).

    Returns
    -------
    alpha
        Shape (K,), between 0 and 0.2.
    overall
        Mean expression of all cells, shape (n_genes,).
    """
    finite = np.nan_to_num(expression)
    overall = mass @ finite / mass.sum()
    plentiful = np.argsort(-overall, kind="stable")[:N_PLENTIFUL]
    plentiful = plentiful[overall[plentiful] > 0]
    if not len(plentiful):
        return np.zeros(len(mass)), overall
    ratio = finite[:, plentiful] / overall[plentiful]
    return np.minimum(np.quantile(ratio, SMALLEST_RATIO_QUANTILE, axis=1), MAX_SHARE), overall


def ambient_share(
    source: np.ndarray,
    target: np.ndarray,
    added_source: np.ndarray,
    added_target: np.ndarray,
) -> np.ndarray:
    """Return an upper bound of the part of each change that contamination explains.

    Parameters
    ----------
    source, target
        Mean expression before and after, shapes (K, n_genes).
    added_source, added_target
        Upper bound of the contamination in the mean expression, shapes (K, n_genes).

    Returns
    -------
    Shape (K, n_genes), between 0 and 1; 0 where nothing changes.
    """
    change = target - source
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (added_target - added_source) / change
    return np.where(change == 0, 0.0, np.clip(share, 0.0, 1.0))
