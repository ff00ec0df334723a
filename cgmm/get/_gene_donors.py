"""Expression of genes in every donor."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm.get._common import build, empty
from cgmm.get._genes import stored_genes
from cgmm.tables import GENE_DONORS


def gene_donors(
    adata: ad.AnnData, genes: str | Sequence[str] | None = None, *, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return the mean expression of genes in the cells of every donor.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    genes
        A gene, or several. None: every gene that :func:`cgmm.tl.genes` kept.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population, gene, side and donor, in this order. No rows when the fit has no donors.

    name, gene
        Name of the population, and the gene.
    side, donor
        "source" or "target", and the donor.
    mean
        Mean log2-normalised expression of the donor's cells in the population: mean log-normalised
        expression over ln 2; in cytometry, the mean value. NaN when the donor has fewer than ten
        cells in the population.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run, or did not keep a gene.
    """
    uns = stored_genes(adata, key)
    if Uns.GENE_DONORS not in uns:
        return empty(GENE_DONORS)
    known = uns[Uns.GENE_DONORS]
    names, every, side, donor = (
        np.asarray(known[part]).astype(str).astype(object)
        for part in ("name", "gene", "side", "donor")
    )
    columns = np.arange(len(every))
    if genes is not None:
        wanted = [genes] if isinstance(genes, str) else list(genes)
        columns = np.concatenate([_places(every, gene) for gene in wanted] or [columns[:0]])
    mean = np.asarray(known["mean"], dtype=float)[:, :, columns]
    k, u, g = mean.shape
    return build(
        GENE_DONORS,
        {
            "name": np.repeat(names, g * u),
            "gene": np.tile(np.repeat(every[columns], u), k),
            "side": np.tile(side, k * g),
            "donor": np.tile(donor, k * g),
            "mean": np.swapaxes(mean, 1, 2).ravel(),
        },
    )


def _places(every: np.ndarray, gene: str) -> np.ndarray:
    """Return where a gene stands among the kept genes."""
    found = np.flatnonzero(every == gene)
    if len(found):
        return found
    near = difflib.get_close_matches(str(gene), every.tolist(), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    msg = (
        f"{gene!r} is not among the {len(every)} genes that cgmm.tl.genes kept{hint}. A larger "
        "n_genes keeps more."
    )
    raise KeyError(msg)
