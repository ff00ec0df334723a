"""Third of the three ways of :func:`cgmm.tl.genes`: tests of pseudobulks over donors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cgmm._anndata.expression import CellExpression, looks_like_counts
from cgmm._anndata.sides import Sides
from cgmm._anndata.units import DonorColumns, Units, model_of
from cgmm._utils.lazy_rows import LazyRows, is_lazy
from cgmm._utils.optional import how_to_install
from cgmm.genes import deseq, voom
from cgmm.genes.pseudobulk import Pseudobulk, Samples, donor_means, pseudobulk, samples
from cgmm.tl._gene_changes import Groups

logger = logging.getLogger(__name__)

MODERATED, DESEQ = "moderated", "deseq2"
METHODS = {MODERATED: voom, DESEQ: deseq}


class DonorTests(NamedTuple):
    """Changes of pseudobulks and their p-values; NaN where a gene was not tested."""

    log2_change: np.ndarray  #: (K0, n_genes)
    p: np.ndarray  #: (K0, n_genes)
    q: np.ndarray  #: (K0, n_genes)
    reason: list[str]  #: (K0,) why a component has no test, in a sentence; else ""


def by_donors(
    cells: CellExpression,
    coupled: Groups,
    *,
    counts_layer: str,
    usable: np.ndarray,
    paired: bool | None,
    natural_log: bool,
    wanted: bool,
    method: str = MODERATED,
    of_design: Callable[[Samples], tuple[Samples | None, str]] | None = None,
) -> DonorTests:
    """Return tests of genes between coupled groups, with donors as replicates.

    Parameters
    ----------
    cells, coupled
        Expression of the cells, and the coupled groups.
    counts_layer
        Layer with counts, in the object of the expression.
    usable
        Whether to test a gene in a component; boolean, shape (K0, n_genes).
    paired
        Whether donors are compared with themselves; None: decided from the numbers of donors.
    natural_log
        Whether values are logarithms of counts; otherwise means of donors are tested, not counts.
    wanted
        Whether the caller asked for tests.
    method
        "moderated" (:mod:`cgmm.genes.voom`) or "deseq2" (:mod:`cgmm.genes.deseq`).
    of_design
        Adds the model of a design formula to samples, or says why it cannot; None: no formula.
    """
    change, p, q = (np.full(usable.shape, np.nan) for _ in range(3))
    reason = no_test(
        cells, coupled.sides, counts_layer if natural_log else None, method, wanted=wanted
    )
    if reason:
        return DonorTests(change, p, q, [reason] * len(usable))
    test = METHODS[method].differential if natural_log else voom.differential_of_means
    reasons = []
    for k, chosen, why in replicates(
        cells,
        coupled,
        counts_layer=counts_layer if natural_log else None,
        usable=usable,
        paired=paired,
        of_design=of_design,
    ):
        if chosen is not None:
            logger.debug("testing genes of component %d of %d", k + 1, len(usable))
            found, why = test(chosen, usable[k])
            if found is not None:
                change[k], p[k], q[k] = found
        reasons.append(why)
    return DonorTests(change, p, q, reasons)


def replicates(
    cells: CellExpression,
    coupled: Groups,
    *,
    counts_layer: str | None,
    usable: np.ndarray,
    paired: bool | None,
    of_design: Callable[[Samples], tuple[Samples | None, str]] | None = None,
) -> Iterator[tuple[int, Samples | None, str]]:
    """Yield each group with the samples that a test compares, or None and a sentence.

    Arguments are those of :func:`by_donors`; without ``counts_layer`` samples are means of values.
    """
    source, target = _sums(cells, coupled, counts_layer)
    for k, genes in enumerate(usable):
        if not genes.any():
            yield k, None, "Too few cells on one of the sides to compare genes."
            continue
        chosen, why = samples(source, target, k, paired=paired)
        if chosen is not None and of_design is not None:
            chosen, why = of_design(chosen)
        yield k, chosen, why


def _sums(
    cells: CellExpression, coupled: Groups, counts_layer: str | None
) -> tuple[Pseudobulk, Pseudobulk]:
    """Return the sums of counts per component and donor; the means of values without counts."""
    source, target = (
        donor_means(cells.matrix[rows], weight, np.asarray(donors))
        if counts_layer is None
        else pseudobulk(_layer(cells, counts_layer)[cells.rows[rows]], weight, np.asarray(donors))
        for rows, weight, donors in zip(
            coupled.sides.rows, coupled.weights, coupled.sides.donors, strict=True
        )
    )
    return source, target


def _layer(cells: CellExpression, name: str) -> Any:
    """Return a layer of the object of the expression, a Dask array as rows that are read later."""
    values = cells.adata.layers[name]
    return LazyRows(values) if is_lazy(values) else values


def with_design(
    units: Units, columns: DonorColumns
) -> Callable[[Samples], tuple[Samples | None, str]]:
    """Return a function that adds the model of a design formula to the samples of a component.

    The model is made of the samples that the component has, so a formula that all donors allow can
    be too much for them; the function then returns None and a sentence.
    """
    place = {(unit.side, unit.donor): i for i, unit in enumerate(units.plan.units)}

    def of_design(chosen: Samples) -> tuple[Samples | None, str]:
        assert chosen.names is not None
        rows = [
            place.get((int(treated), str(name)), -1)
            for treated, name in zip(chosen.treated, chosen.names, strict=True)
        ]
        if min(rows) < 0:
            return None, "A donor has too few cells for the design formula."
        part = units._replace(table=units.table.iloc[rows], donors=np.array(rows))
        try:
            model = model_of(part, columns)
        except ValueError as error:
            return None, f"Not enough donors have cells of it for the design. {error}"
        made = chosen._replace(matrix=model.matrix, change=model.contrasts[0].change)
        return made, ""

    return of_design


def check_method(method: str) -> str:
    """Return the name of a test of genes; raise ValueError for any other word."""
    if method not in METHODS:
        words = " or ".join(repr(name) for name in METHODS)
        msg = f"de_test={method!r} is not a test of genes: give {words}."
        raise ValueError(msg)
    return method


def no_test(
    cells: CellExpression, sides: Sides, counts_layer: str | None, method: str, *, wanted: bool
) -> str:
    """Return why no gene can be tested, in a sentence; "" when genes can be tested."""
    if not wanted:
        return "Tests of genes were switched off (de=False; in the config test_genes: false)."
    if sides.donors.source is None or sides.donors.target is None:
        return "No donors were given, so there is no replication to base a test on."
    if counts_layer is None:
        return ""
    if counts_layer not in cells.adata.layers:
        return f"layers[{counts_layer!r}] with counts is not there, and a test needs counts."
    if not looks_like_counts(_layer(cells, counts_layer)):
        return f"layers[{counts_layer!r}] does not hold counts (whole numbers), as a test needs."
    if method == DESEQ and not deseq.installed():
        return f"PyDESeq2 is not installed: {how_to_install('pydeseq2')}."
    return ""
