r"""Competitive test of gene sets, with the donor as the unit.

A set changes when its genes change more, or less, than the other genes that were tested. Let
:math:`z_g` be the moderated t of gene :math:`g` (:mod:`cgmm.genes.voom`) as a normal score. A set
of :math:`m` of :math:`G` genes has

.. math:: \delta = \frac{1}{m} \sum_{g \in set} z_g - \frac{1}{G - m} \sum_{g \notin set} z_g,
    \qquad c = \frac{1}{m} + \frac{1}{G - m}.

Genes of a set go together from donor to donor, so the variance of :math:`\delta` is larger than
:math:`c`. It is measured on donors: the same difference of means is taken of the residuals of the
linear model, each gene in units of its moderated standard deviation, which gives every sample a
score. The scores of a set have the variance :math:`v` on :math:`d` residual degrees of freedom.
:math:`v` is shrunk towards :math:`c + \tau^2`, the variance that sets of this size usually have
(:mod:`cgmm.donors.moderated_t`). A set that varies between donors more than chance allows is shrunk
less: with :math:`u` the tail probability of its :math:`v`, its prior degrees of freedom are
:math:`d_0 \min(1, 2u)`.

Where many genes change, sets differ by the draw of their genes alone. The variance of the
:math:`z_g` beyond one, times :math:`c`, is therefore added to the variance of :math:`\delta`, as a
part that does not come from donors.

References: Wu & Smyth 2012 (camera), Nucleic Acids Research 40:e133; Smyth 2004, Stat Appl Genet
Mol Biol 3:3; Phipson et al. 2016, Annals of Applied Statistics 10:946.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import scipy.stats

from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.moderated_t import combined_freedom, squeeze, usual_variance
from cgmm.genes.voom import LinearFit

MIN_GENES = 5  # tested genes of a set
MAX_PRIOR = 1000.0
MAX_SCORE = 38.0  # where the tail of the normal distribution ends in double precision


class SetTests(NamedTuple):
    """Tests of the sets of which enough genes were tested; arrays of shape (n_tested_sets,)."""

    sets: np.ndarray  #: row of each set in the membership
    n_genes: np.ndarray  #: its genes that were tested
    log2_change: np.ndarray  #: mean log2 change of its genes over donors
    log2_others: np.ndarray  #: mean log2 change of all other tested genes
    t: np.ndarray  #: above zero: its genes rise more, or fall less, than the others
    freedom: np.ndarray  #: degrees of freedom of t
    p: np.ndarray  #: two-sided
    q: np.ndarray  #: Benjamini-Hochberg, over the sets


def competitive_tests(fit: LinearFit, members: sp.csr_array) -> SetTests:
    """Return the tests of gene sets against all other tested genes.

    Parameters
    ----------
    fit
        The linear model of every tested gene (:func:`cgmm.genes.voom.linear_fit`).
    members
        Whether a gene is in a set, shape (n_sets, n_genes), of the genes of ``fit.usable``.

    Returns
    -------
    SetTests. Sets with fewer than five tested genes, or with more than half of all tested genes,
    are not in it.
    """
    member = sp.csr_array(members[:, np.flatnonzero(fit.usable)], dtype=float)
    size = np.asarray(member.sum(axis=1)).ravel()
    n = int(fit.usable.sum())
    sets = np.flatnonzero((size >= MIN_GENES) & (size <= n / 2))
    member, size = member[sets], size[sets]
    if not len(sets):
        return SetTests(sets, size.astype(int), *(np.empty(0) for _ in range(6)))
    z = normal_scores(fit)
    delta = _difference(member, size, z[:, None])[:, 0]
    scores = _difference(member, size, fit.residuals.T)
    counting = 1 / size + 1 / (n - size)
    variance, freedom = moderated_variance(
        np.square(scores).sum(axis=1) / fit.freedom, fit.freedom, counting
    )
    drawn = max(float(z.var(ddof=1)) - 1.0, 0.0) * counting if n > 1 else np.zeros_like(counting)
    df = combined_freedom(variance, drawn, freedom, n)
    total = variance + drawn
    t = delta / np.sqrt(np.where(total > 0, total, np.nan))
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    change = fit.tests.coefficient
    inside = (member @ change) / size
    others = (change.sum() - inside * size) / (n - size)
    return SetTests(sets, size.astype(int), inside, others, t, df, p, benjamini_hochberg(p))


def normal_scores(fit: LinearFit) -> np.ndarray:
    """Return the moderated t of every tested gene as a normal score, shape (n_tested,)."""
    tail = scipy.stats.t.logsf(np.abs(fit.tests.t), fit.tests.freedom)
    size = -scipy.special.ndtri_exp(tail)
    return np.sign(fit.tests.t) * np.minimum(np.nan_to_num(size, posinf=MAX_SCORE), MAX_SCORE)


def _difference(member: sp.csr_array, size: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean of the genes of each set less the mean of all others, (n_sets, n_columns)."""
    inside = member @ values
    n = size[:, None]
    return np.asarray(inside / n - (values.sum(axis=0) - inside) / (len(values) - n))


def moderated_variance(
    variance: np.ndarray, freedom: int, counting: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return variances of sets, shrunk towards what is usual, and their degrees of freedom.

    Parameters
    ----------
    variance
        Variances of the scores of the sets, shape (n_sets,).
    freedom
        Their degrees of freedom.
    counting
        Variances of sets of independent genes, shape (n_sets,).

    Returns
    -------
    Two arrays of shape (n_sets,).
    """
    usual = usual_variance(variance, counting)
    prior, level = squeeze(variance / usual, freedom)
    common, prior = level * usual, min(prior, MAX_PRIOR)
    if prior > 0:
        tail = scipy.stats.f.sf(variance / common, freedom, prior)
        own = prior * np.minimum(1.0, 2 * tail)
    else:
        own = np.zeros_like(variance)
    shrunk = (own * common + freedom * variance) / (own + freedom)
    return shrunk, np.minimum(own + freedom, freedom * len(variance))
