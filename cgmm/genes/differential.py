"""What every test of genes over donors shares: which genes it takes, and what it returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MIN_COUNT = 10  # counts of a gene in all samples together
MIN_SAMPLES = 3  # samples with counts of the gene
MIN_GENES = 20  # genes that are left to test


class Differential(NamedTuple):
    """Test of every gene; NaN where it was not tested."""

    log2_change: np.ndarray  #: (n_genes,)
    p: np.ndarray  #: (n_genes,), two-sided
    q: np.ndarray  #: (n_genes,), Benjamini-Hochberg over the genes tested


def testable(counts: np.ndarray, genes: np.ndarray) -> tuple[np.ndarray, str]:
    """Return which genes have enough counts for a test.

    Parameters
    ----------
    counts
        Summed counts, shape (n_samples, n_genes).
    genes
        Genes to consider, boolean, shape (n_genes,).

    Returns
    -------
    usable
        Boolean, shape (n_genes,): genes with ten counts in all samples together, and with counts in
        at least three samples.
    reason
        Why there are too few genes to test, in a sentence; else "".
    """
    usable = genes & (counts.sum(axis=0) >= MIN_COUNT) & ((counts > 0).sum(axis=0) >= MIN_SAMPLES)
    if usable.sum() < MIN_GENES:
        return usable, (
            f"Only {usable.sum()} genes have {MIN_COUNT} counts or more; too few to test."
        )
    return usable, ""


def on_one_scale(matrix: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a model matrix whose columns have mean 0 and SD 1, and the weights of the same change.

    The first column is the intercept, which the change does not contain. The fit of a covariate in
    large units would not converge, or lose digits.
    """
    spread = np.where(matrix.std(axis=0) > 0, matrix.std(axis=0), 1.0)
    scaled = (matrix - matrix.mean(axis=0)) / spread
    scaled[:, 0] = 1.0
    return scaled, change / spread
