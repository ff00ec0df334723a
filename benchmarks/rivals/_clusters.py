"""Clusters of all cells together, Harmony before them, and propeller's test of their shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse as sp
import scipy.special
import scipy.stats
from _job import Answer, Job

N_NEIGHBOURS = 15
EXACT = 30_000  # cells up to which neighbours are searched without approximation


def leiden(points: np.ndarray, seed: int, resolution: float = 1.0) -> np.ndarray:
    """Cluster the cells as scanpy's tutorials do.

    Returns
    -------
    Whole numbers, shape (n_cells,).
    """
    import anndata as ad
    import pandas as pd
    import scanpy as sc

    cells = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(len(points))]))
    cells.obsm["rep"] = points
    neighbours(cells, seed, N_NEIGHBOURS)
    sc.tl.leiden(
        cells,
        resolution=resolution,
        flavor="igraph",
        n_iterations=2,
        directed=False,
        random_state=seed,
    )
    return cells.obs["leiden"].cat.codes.to_numpy()


def neighbours(cells: object, seed: int, n: int) -> None:
    """Write the graph of neighbours on ``obsm["rep"]`` into an AnnData object."""
    import scanpy as sc

    exact = {"transformer": "sklearn"} if cells.n_obs <= EXACT else {}
    sc.pp.neighbors(cells, n_neighbors=n, use_rep="rep", random_state=seed, **exact)


def harmony(job: Job, lamb: float | None = None) -> np.ndarray:
    """Return the points after Harmony over condition and donor.

    ``lamb`` is the ridge penalty; the package chooses it by default, the publication has 1.
    """
    import harmonypy
    import pandas as pd

    obs = pd.DataFrame({"condition": job.condition, "donor": job.donor})
    found = harmonypy.run_harmony(
        np.asarray(job.points, float),
        obs,
        ["condition", "donor"],
        lamb=lamb,
        verbose=False,
        random_state=job.seed,
    )
    corrected = np.asarray(found.Z_corr)
    return corrected if len(corrected) == len(job.points) else corrected.T


def one_hot(labels: np.ndarray) -> sp.csr_matrix:
    """Membership of cells in clusters."""
    _, codes = np.unique(labels, return_inverse=True)
    n = len(codes)
    return sp.csr_matrix((np.ones(n), (np.arange(n), codes)), (n, codes.max() + 1))


def counts(job: Job, member: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Count the cells of every sample in every cluster.

    Returns
    -------
    Counts (n_samples, n_clusters), and whether a sample is of the target.
    """
    names, sample = np.unique(job.sample, return_inverse=True)
    table = np.asarray((one_hot(sample).T @ member).todense())
    return table, np.char.startswith(names, "b_target")


def ratio(job: Job, member: sp.csr_matrix) -> np.ndarray:
    """Log2 of the ratio of mean shares, donors counted equally; half a cell is added."""
    table, target = counts(job, member)
    share = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
    return np.log2(share[target].mean(axis=0)) - np.log2(share[~target].mean(axis=0))


def of_clusters(job: Job, labels: np.ndarray) -> Answer:
    """Answer by clusters: ratio of mean shares, and the p of propeller."""
    member = one_hot(labels)
    table, target = counts(job, member)
    log2 = ratio(job, member)
    donors = None
    if job.paired:
        names = np.unique(job.sample)
        donors = np.array([n.split("|", 1)[1] for n in names])
    p = propeller(table, target, donors)
    return Answer(np.asarray(member @ log2), member, log2, p=p)


# propeller -------------------------------------------------------------------------------


class Moderated(NamedTuple):
    """Moderated t-test of one coefficient."""

    t: np.ndarray
    p: np.ndarray
    prior: float


def propeller(
    table: np.ndarray,
    target: np.ndarray,
    donors: np.ndarray | None = None,
    *,
    transform: str = "logit",
) -> np.ndarray:
    """Return the p-values of propeller (Phipson et al. 2022), a port.

    Shares of a sample are transformed (logit with half a cell added to every count, or arcsine of
    the square root) and compared by limma's moderated t-test; pairs are a term of the design. Two
    things differ from speckle: counts are not normalised to a common size before half a cell is
    added, and the prior is not robust.

    Parameters
    ----------
    table
        Counts, shape (n_samples, n_clusters).
    target
        Whether a sample is of the target.
    donors
        Donor of each sample where samples are paired.
    transform
        "logit" or "asin".
    """
    if transform == "logit":
        share = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
        y = scipy.special.logit(share)
    else:
        y = np.arcsin(np.sqrt(table / table.sum(axis=1, keepdims=True)))
    terms = [np.ones(len(y)), target.astype(float)]
    if donors is not None:
        terms += [(donors == d).astype(float) for d in np.unique(donors)[1:]]
    return moderated(y, np.column_stack(terms), 1).p


def moderated(y: np.ndarray, design: np.ndarray, which: int) -> Moderated:
    """Moderated t-test by empirical Bayes (Smyth 2004, sections 3 and 6.2).

    Parameters
    ----------
    y
        Shape (n_samples, n_features).
    design
        Shape (n_samples, n_terms), of full rank.
    which
        Column whose coefficient is tested.
    """
    freedom = len(y) - design.shape[1]
    inverse = np.linalg.pinv(design)
    beta = inverse @ y
    variance = np.square(y - design @ beta).sum(axis=0) / freedom
    scale = (inverse @ inverse.T)[which, which]
    prior, level = _prior(np.maximum(variance, 1e-12), freedom)
    if np.isinf(prior):
        squeezed, total = np.full(len(variance), level), float(freedom * len(variance))
    else:
        squeezed = (prior * level + freedom * variance) / (prior + freedom)
        total = min(prior + freedom, freedom * len(variance))
    t = beta[which] / np.sqrt(squeezed * scale)
    return Moderated(t, 2 * scipy.stats.t.sf(np.abs(t), total), float(prior))


def _prior(variance: np.ndarray, freedom: int) -> tuple[float, float]:
    """Degrees of freedom and scale of the prior, by the moments of the log variances."""
    half = freedom / 2
    e = np.log(variance) - scipy.special.digamma(half) + np.log(half)
    spread = e.var(ddof=1) - scipy.special.polygamma(1, half) if len(e) > 1 else 0.0
    if spread <= 0:
        return np.inf, float(np.exp(e.mean()))
    # trigamma falls from infinity to zero
    x = scipy.optimize.brentq(
        lambda log: scipy.special.polygamma(1, np.exp(log)) - spread, -20.0, 20.0
    )
    prior = 2 * np.exp(x)
    level = np.exp(e.mean() + scipy.special.digamma(prior / 2) - np.log(prior / 2))
    return float(prior), float(level)
