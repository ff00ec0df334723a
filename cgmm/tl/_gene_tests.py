"""Third of the three ways of :func:`cgmm.tl.genes`: tests of pseudobulks over donors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cgmm._anndata.expression import CellExpression, looks_like_counts
from cgmm._anndata.sides import Sides
from cgmm._anndata.units import DonorColumns, Units, model_of
from cgmm._utils.optional import how_to_install
from cgmm.genes import deseq
from cgmm.genes.pseudobulk import Samples, pseudobulk, samples
from cgmm.pair import Pair
from cgmm.tl._gene_changes import Groups

logger = logging.getLogger(__name__)


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
    wanted: bool,
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
    wanted
        Whether the caller asked for tests.
    of_design
        Adds the model of a design formula to samples, or says why it cannot; None: no formula.
    """
    change, p, q = (np.full(usable.shape, np.nan) for _ in range(3))
    reason = _no_test(cells, coupled.sides, counts_layer, wanted=wanted)
    if reason:
        return DonorTests(change, p, q, [reason] * len(usable))
    counts = cells.adata.layers[counts_layer]
    weights = Pair(
        coupled.responsibilities.source, coupled.responsibilities.target @ coupled.origin.T
    )
    source, target = (
        pseudobulk(counts[cells.rows[rows]], weight, np.asarray(donors))
        for rows, weight, donors in zip(
            coupled.sides.rows, weights, coupled.sides.donors, strict=True
        )
    )
    reasons = []
    for k, genes in enumerate(usable):
        if not genes.any():
            reasons.append("Too few cells on one of the sides to compare genes.")
            continue
        chosen, why = samples(source, target, k, paired=paired)
        if chosen is not None and of_design is not None:
            chosen, why = of_design(chosen)
        if chosen is not None:
            logger.info("testing genes of component %d of %d", k + 1, len(usable))
            test, why = deseq.differential(chosen, genes)
            if test is not None:
                change[k], p[k], q[k] = test
        reasons.append(why)
    return DonorTests(change, p, q, reasons)


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


def _no_test(cells: CellExpression, sides: Sides, counts_layer: str, *, wanted: bool) -> str:
    """Return why no gene can be tested, in a sentence; "" when genes can be tested."""
    if not wanted:
        return "Not asked for: call cgmm.tl.genes(adata, de=True)."
    if sides.donors.source is None or sides.donors.target is None:
        return "No donors were given, so there is no replication to base a test on."
    if counts_layer not in cells.adata.layers:
        return f"layers[{counts_layer!r}] with counts is not there, and a test needs counts."
    if not looks_like_counts(cells.adata.layers[counts_layer]):
        return f"layers[{counts_layer!r}] does not hold counts (whole numbers), as a test needs."
    if not deseq.installed():
        return f"PyDESeq2 is not installed: {how_to_install('pydeseq2')}."
    return ""
