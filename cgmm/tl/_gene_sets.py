"""Tests of gene sets over donors, on AnnData objects."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.checks import check_writable
from cgmm._anndata.keys import COUNTS, DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_params, write_results
from cgmm._utils.h5ad import storable
from cgmm.genes import voom
from cgmm.genes.change import carry
from cgmm.genes.gene_sets import GeneSets, ReadSets, members_of, read_gene_sets
from cgmm.genes.marker_table import other_gene_names
from cgmm.genes.set_test import competitive_tests, normal_scores
from cgmm.tables import GENE_SETS
from cgmm.tl._gene_changes import side_moments
from cgmm.tl._gene_study import GeneStudy, gene_study
from cgmm.tl._gene_tests import MODERATED, no_test, replicates

LEADING = 8  # genes of a set that are named


def gene_sets(
    adata: ad.AnnData,
    sets: GeneSets,
    *,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    gene_symbols: str | None = None,
    min_fraction: float = 0.1,
    counts_layer: str = COUNTS,
    level: str | None = None,
    design: str | None = None,
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Test in each population whether the genes of a set change more than other genes.

    The test is competitive, and the donor is the unit (:mod:`cgmm.genes.set_test`). It needs what
    the tests of genes of :func:`genes` need: counts, and three donors or more in each condition.

    Parameters
    ----------
    adata
        Object with a fit, from :func:`fit`.
    sets
        Path of a GMT file (a line per set: name, link, genes, separated by tabs), or a mapping from
        the names of sets to their genes.
    expression, layer, gene_symbols, min_fraction, counts_layer, level, design
        As in :func:`genes`. A gene with a smaller fraction of cells that express it than
        ``min_fraction`` in both conditions is not tested, and counts in no set.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["gene_sets"]``, the DataFrame of :func:`cgmm.get.gene_sets`.
    It has no rows where no test is possible; ``de_reason`` of :func:`cgmm.get.gene_agreement` says
    why, after :func:`genes`.

    Raises
    ------
    ValueError
        When the sets cannot be read, when the data have none of their genes, or as :func:`genes`.
    KeyError, TypeError
        As :func:`genes`.

    Examples
    --------
    After the example of :func:`fit`, in cells that switch on the genes RESP01 to RESP20:

    >>> sets = {
    ...     "response": [f"RESP{i:02d}" for i in range(1, 21)],
    ...     "others": [f"GENE{i:03d}" for i in range(1, 21)],
    ... }
    >>> cg.tl.gene_sets(adata, sets)
    >>> found = cg.get.gene_sets(adata)
    >>> list(found.loc[(found["name"] == "Alpha") & (found["q"] < 0.05), "set"])
    ['response']
    """
    read_params(adata, key=key)
    check_writable(adata, copy=copy)
    read = read_gene_sets(sets)
    study = gene_study(
        adata,
        expression=expression,
        layer=layer,
        gene_symbols=gene_symbols,
        min_fraction=min_fraction,
        natural_log=True,
        level=level,
        design=design,
        over_donors=True,
        key=key,
    )
    members = members_of(read, study.genes, other_names=other_gene_names(study.cells.adata.var))
    table = pd.DataFrame()
    if not no_test(study.cells, study.groups.sides, counts_layer, MODERATED, wanted=True):
        table = _table(study, read, members, counts_layer=counts_layer, min_fraction=min_fraction)
    adata = adata.copy() if copy else adata
    results: dict[str, Any] = {
        Uns.GENE_SETS: storable(table.reindex(columns=list(GENE_SETS.names))),
    }
    write_results(adata, key, results)
    return adata if copy else None


def _table(
    study: GeneStudy,
    sets: ReadSets,
    members: sp.csr_array,
    *,
    counts_layer: str,
    min_fraction: float,
) -> pd.DataFrame:
    """Return the rows of :data:`cgmm.tables.GENE_SETS` of all groups that can be tested."""
    parts, usable = [], _usable(study, min_fraction)
    for k, samples, _ in replicates(
        study.cells,
        study.groups,
        counts_layer=counts_layer,
        usable=usable,
        paired=study.paired,
        of_design=study.of_design,
    ):
        fit = None if samples is None else voom.linear_fit(samples, usable[k])[0]
        if fit is not None:
            parts.append(_rows(study, sets, members, k, fit))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _usable(study: GeneStudy, min_fraction: float) -> np.ndarray:
    """Return the genes that are tested in each group, boolean, shape (K, n_genes)."""
    groups = study.groups
    source, target = side_moments(study.cells, groups.sides, groups.responsibilities)
    fraction = np.fmax(source.fraction, carry(target, groups.origin).fraction)
    n_source, n_target = groups.responsibilities.map(lambda r: r.sum(axis=0))
    return study.usable(fraction, np.minimum(n_source, groups.origin @ n_target), min_fraction)


def _rows(
    study: GeneStudy, sets: ReadSets, members: sp.csr_array, k: int, fit: voom.LinearFit
) -> pd.DataFrame:
    """Return the tested sets of one group, those with the smallest p first."""
    tests = competitive_tests(fit, members)
    order = np.lexsort([tests.sets, -np.abs(tests.t), tests.p])
    chosen = tests.sets[order]
    return pd.DataFrame(
        {
            "component": k,
            "name": study.names[k],
            "set": np.array(sets.names, dtype=object)[chosen],
            "n_genes": tests.n_genes[order],
            "n_listed": [len(sets.genes[i]) for i in chosen],
            "log2_change": tests.log2_change[order],
            "log2_others": tests.log2_others[order],
            "t": tests.t[order],
            "p": tests.p[order],
            "q": tests.q[order],
            "leading_genes": _leading(study.genes, fit, members, chosen, tests.t[order]),
        }
    )


def _leading(
    genes: np.ndarray, fit: voom.LinearFit, members: sp.csr_array, sets: np.ndarray, t: np.ndarray
) -> list[str]:
    """Return, for each set, its genes that change most in its direction, separated by spaces."""
    score = np.full(len(genes), np.nan)
    score[fit.usable] = normal_scores(fit)
    found = []
    for i, direction in zip(sets, np.sign(t), strict=True):
        own = members.indices[members.indptr[i] : members.indptr[i + 1]]
        own = own[direction * score[own] > 0]
        own = own[np.argsort(-np.abs(score[own]), kind="stable")][:LEADING]
        found.append(" ".join(str(genes[g]) for g in own))
    return found
