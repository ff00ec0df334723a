"""The fewest genes of a cell that quality control keeps."""

from __future__ import annotations

USUAL_MIN_GENES = 200
MIN_PART = 0.02  # of the genes that were measured


def fewest_genes(given: int | None, n_measured: int) -> int:
    """Return the fewest genes that a cell must have.

    Parameters
    ----------
    given
        The number that the user asks for, or None.
    n_measured
        Number of genes that were measured in all samples.

    Returns
    -------
    ``given``; else 200, or 2 % of the genes that were measured where that is less. A panel of 300
    genes sees few of them in every cell, and 200 would remove the cell types with least RNA.
    """
    if given is not None:
        return given
    return min(USUAL_MIN_GENES, int(MIN_PART * n_measured))
