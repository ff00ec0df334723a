r"""Change of every gene by the displacement of a subpopulation, through the loadings of a PCA.

Principal components are :math:`z = L^T (x - \mu)` with loadings :math:`L` (genes x dimensions).
In the space that PCA keeps, a Gaussian :math:`N(m, \Sigma)` of :math:`z` is therefore a Gaussian
of expression with mean :math:`L m + \mu` and covariance :math:`L \Sigma L^T`. Source component
:math:`k` became a mixture of target components with parts :math:`c_{kl}`. The mixture has the mean
and the covariance

.. math:: \tilde m_k = \sum_l c_{kl} m^1_l, \qquad
    \tilde\Sigma_k = \sum_l c_{kl} \left( \Sigma^1_l
        + (m^1_l - \tilde m_k)(m^1_l - \tilde m_k)^T \right),

Gene :math:`g` with loadings :math:`\ell_g` moves by :math:`\ell_g^T (\tilde m_k - m^0_k)` (the mean
part). The standard deviation of the gene within the component changes by the factor
:math:`(\ell_g^T \tilde\Sigma_k \ell_g / \ell_g^T \Sigma^0_k \ell_g)^{1/2}` (the covariance part).
Both parts are smoothed, because they lack the variation that PCA leaves out. Genes without loadings
have neither part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TOLERANCE = 0.02  # relative error of group means; the error of float32 scores is far smaller


class LoadingShift(NamedTuple):
    """Displacement of every source component, per gene; NaN for genes without loadings."""

    change: np.ndarray  #: (K0, n_genes), mean part, in the units of expression
    log2_sd: np.ndarray  #: (K0, n_genes), covariance part: log2 ratio of standard deviations


def loading_shift(
    loadings: np.ndarray,
    parts: np.ndarray,
    *,
    means: tuple[np.ndarray, np.ndarray],
    covariances: tuple[np.ndarray, np.ndarray],
    scale: np.ndarray | None = None,
) -> LoadingShift:
    """Return the displacement of every source component, per gene.

    Parameters
    ----------
    loadings
        L, shape (n_genes, D); rows of zeros for genes that PCA did not use.
    parts
        Parts of each target component in what each source component became, shape (K0, K1); rows
        sum to one, or to zero.
    means
        Means of the source (K0, D) and of the target components (K1, D).
    covariances
        Covariances of the source (K0, D, D) and of the target components (K1, D, D).
    scale
        Divisor of each gene before PCA, shape (n_genes,); None: genes were not scaled.

    Returns
    -------
    LoadingShift; numbers are NaN for components whose row of ``parts`` is zero.
    """
    goal = parts @ means[1]
    gap = means[1][None] - goal[:, None]
    spread = np.einsum("kl,lde->kde", parts, covariances[1])
    spread += np.einsum("kl,kld,kle->kde", parts, gap, gap)
    change = (goal - means[0]) @ loadings.T
    if scale is not None:
        change = change * scale
    variance = [
        np.stack([np.einsum("gd,gd->g", loadings @ s, loadings) for s in side])
        for side in (covariances[0], spread)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        log2_sd = 0.5 * np.log2(variance[1] / variance[0])
    present = (parts.sum(axis=1) > 0)[:, None] & np.asarray(loadings.any(axis=1))[None, :]
    return LoadingShift(np.where(present, change, np.nan), np.where(present, log2_sd, np.nan))


def scale_of(
    loadings: np.ndarray,
    expression: np.ndarray,
    points: np.ndarray,
    sds: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return the divisor of each gene before PCA, found by a check of the loadings.

    Means of expression over groups of cells, multiplied by the loadings, must equal the means of
    the representation over the same groups, up to a common shift.  The check fails with a wrong
    divisor, when dimensions were changed after PCA, or when values and loadings do not belong
    together.

    Parameters
    ----------
    loadings
        L, shape (n_genes, D).
    expression
        Means of expression over groups, shape (n_groups, n_genes).
    points
        Means of the representation over the same groups, shape (n_groups, D).
    sds
        Standard deviations, a possible divisor, shape (n_genes,); None: not known.

    Returns
    -------
    Shape (n_genes,): ones, or ``sds``; None when neither of the two explains the representation.
    """
    centred = expression - expression.mean(axis=0)
    goal = points - points.mean(axis=0)
    candidates = [np.ones(len(loadings))]
    if sds is not None:
        candidates.append(np.where(np.isfinite(sds) & (sds > 0), sds, 1.0))
    for scale in candidates:
        off = np.linalg.norm((centred / scale) @ loadings - goal)
        if off <= TOLERANCE * np.linalg.norm(goal):
            return scale
    return None
