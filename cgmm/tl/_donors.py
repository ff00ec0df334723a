"""Intervals and p-values with the donor as the unit, on AnnData objects."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import anndata as ad
import numpy as np
from tqdm.auto import tqdm

from cgmm._anndata.checks import check_paired, check_writable, column
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import BATCH, DEFAULT_KEY, UncertaintyKeys, Uns
from cgmm._anndata.sides import Sides, take_sides, text_of_sides
from cgmm._anndata.storage import read_fit, read_params, write_results
from cgmm._anndata.units import DonorColumns, check_design, formula_of
from cgmm._utils.arguments import check_number, check_seed, check_whole
from cgmm.coupled.result import CoupledFit
from cgmm.donors.baseline import COUNTS, MEDIAN, Baseline
from cgmm.donors.design import Design
from cgmm.donors.design import design as donors_design
from cgmm.donors.permutation import labellings
from cgmm.donors.uncertainty import uncertainty
from cgmm.donors.which_test import Test
from cgmm.pair import SIDES, SOURCE, Pair
from cgmm.thresholds import LEVEL
from cgmm.tl._donor_columns import batches_of_cells, totals_of_units
from cgmm.tl._uncertainty_tables import position_table, stored_uncertainty


def donors(
    adata: ad.AnnData,
    *,
    donor_key: str | None = None,
    paired: bool | None = None,
    batch_key: str | None = None,
    design: str | None = None,
    sample_key: str | None = None,
    covariates: Sequence[str] = (),
    confounders: Sequence[str] = (),
    n_bootstrap: int | None = None,
    n_permutations: int = 0,
    test: Test = "auto",
    baseline: str | tuple[str, str] = "median",
    counts_key: str | None = None,
    level: float = LEVEL,
    n_jobs: int = 1,
    random_state: int = 0,
    show_progress: bool = False,
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Compute intervals and p-values of factors and shifts, with the donor as the unit.

    Factor, interval and p of a component are one statistic, a moderated t-test of the log-odds of
    its share in every donor (:mod:`cgmm.donors.change`): the interval excludes a factor of one
    exactly where p is below one minus the level.  Shifts are tested over the positions of the
    donors (:mod:`cgmm.donors.moves`).  Donors count equally, whatever their number of cells; a
    donor that is left out is left out of factor, interval and test alike, and named in a sentence.
    Transfers have no intervals (:doc:`/calibration`).

    Parameters
    ----------
    adata
        Object with a fit, from :func:`cgmm.tl.fit`.
    donor_key
        Column of ``obs`` with the donors. By default the column of the fit. Without donors,
        intervals come from drawing cells, results are marked accordingly, and there are no
        p-values.
    paired
        Whether donors are compared with themselves. By default as in the fit; if it is not given
        there either, yes when at least three donors, and at least half of all, are in both
        conditions. Donors in one condition only are then left out of every number.
    batch_key
        Column of ``obs`` with batches that have donors of both conditions: factors, intervals and
        tests are adjusted for the batch.
    design
        Formula of the linear model of populations (:func:`cgmm.get.populations`,
        :func:`cgmm.get.effects`) and of the tests of genes, such as ``"~ condition + sex + age"``,
        with ``*`` and ``:`` for interactions. It names columns of ``obs`` that are constant within
        a donor and condition (or sample), among them the condition. Text is a factor, numbers are
        covariates, ``C(name)`` makes numbers a factor; ``center``, ``scale``, ``log`` and ``log2``
        of a column are known too. Shifts of populations and the influence of donors are adjusted
        too; transfers, states and components are not.
        By default the condition, with pairs or batches.
    sample_key
        Column of ``obs`` with the samples of a donor, where they are replicates (biopsies, days).
        Populations then have a random donor effect (:mod:`cgmm.donors.duplicate_correlation`).
        Leave it out for technical replicates, whose cells are counted together.
    covariates
        Columns of ``obs`` to adjust for: short for a ``design`` with the condition and these.
    confounders
        Columns of ``obs`` (sex, age group) that may explain a difference and are not adjusted for.
        A column that separates the donors of the two conditions is reported in a sentence.
    n_bootstrap
        Not used any more: intervals come from the donors themselves, without refits. A value warns.
    n_permutations
        Largest number of exchanges of conditions, with a refit each, for ``p_permutation``
        (:mod:`cgmm.donors.permutation`); when fewer exist, all are made. 0: no permutation test.
    test
        Test whose p is reported as ``p`` and corrected to ``q``: "auto" and "moderated_t", the test
        of the interval, or "permutation", whose p can disagree with the interval.
    baseline
        Baseline of ``log2_relative``: "median" of the subpopulations, the name of a source
        subpopulation that is assumed not to change, or "counts" (with ``counts_key``). The pair
        ``("subpopulation", name)`` also names a subpopulation, even one called "median" or
        "counts".
    counts_key
        Column of ``obs`` with the number of all cells that the sample represents (in the organ, per
        volume), the same for all cells of a donor and condition.
    level
        Coverage of the intervals.
    n_jobs
        Threads of the permutation test. The results do not depend on it.
    random_state
        Seed.
    show_progress
        Show a progress bar of the permutation test on standard error.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["uncertainty"]``. :func:`cgmm.get.factors` and
    :func:`cgmm.get.shifts` then return its intervals and p-values.
    :func:`cgmm.get.donor_shifts` returns the positions of single donors along the shifts.
    :func:`cgmm.get.params` returns, under "donors", how the numbers were computed, with sentences
    on what was left out.

    Raises
    ------
    KeyError
        When there is no fit or a column is missing.
    ValueError
        When a number is out of range, or when the design does not allow an estimate:
        ``paired=True`` without donors in both conditions, batches that are missing or the same as
        the condition, a baseline that is unknown or gone, counts that differ within a donor, a
        formula that cannot be read, has columns that cannot be told apart, or has too many
        parameters.
    TypeError
        When a parameter has the wrong type.

    Examples
    --------
    After the example of :func:`fit`:

    >>> cg.tl.donors(adata)
    >>> set(cg.get.factors(adata)["interval_from"])
    {'donor t'}
    """
    params = read_params(adata, key=key)
    check_writable(adata, copy=copy)
    check_paired(paired)
    _check_retired(n_bootstrap)
    n_permutations = check_whole("n_permutations", n_permutations)
    n_jobs = check_whole("n_jobs", n_jobs, 1)
    random_state = check_seed(random_state)
    level = _check_level(level)
    _check_test(test, n_permutations)
    confounders = (confounders,) if isinstance(confounders, str) else confounders
    comparison = Comparison.from_params(params)
    comparison = replace(
        comparison,
        donor_key=donor_key or comparison.donor_key,
        paired=comparison.paired if paired is None else paired,
    )
    sides = take_sides(adata, comparison, min_cells=1, lazy=True)
    rows, points, who = sides.rows, sides.points, sides.donors
    columns = DonorColumns(
        **{k: v for k, v in comparison.to_params().items() if k not in {"use_rep", "n_dims"}},
        batch_key=batch_key,
        design=_formula(adata, comparison, design, covariates),
        sample_key=sample_key,
        counts_key=counts_key,
    )
    of_design = check_design(adata, columns, dict(zip(SIDES, rows, strict=True)))
    plan = _design(adata, comparison, sides, batch_key, confounders)
    fit = read_fit(adata, key=key)
    names = adata.uns[key][Uns.names(SOURCE)]
    relative_to, baseline_name = _baseline(baseline, counts_key, names, fit)
    totals = None
    if counts_key is not None and relative_to.kind == COUNTS.kind:
        totals = totals_of_units(adata, counts_key, rows, who, plan)
    n_refits = _n_refits(plan, n_permutations, random_state)
    hidden = not (show_progress and n_refits)
    with tqdm(total=n_refits, disable=hidden, desc="donors", unit="refit") as bar:
        result = uncertainty(
            fit,
            points,
            who,
            plan,
            n_permutations=n_permutations,
            test=test,
            baseline=relative_to,
            totals=totals,
            level=level,
            n_jobs=n_jobs,
            random_state=random_state,
            tick=bar.update,
        )
    own = result.facts.to_dict()
    notes = [*own["sentences"], *of_design.pop("design_notes")]
    facts = {"sentences": notes, "baseline": baseline_name, "random_state": random_state}
    donor_columns = {"donor_key": comparison.donor_key, "batch_key": batch_key}
    stored = stored_uncertainty(result, own | of_design | facts | donor_columns)
    if plan.replicated:
        stored[UncertaintyKeys.DONOR_SHIFTS] = position_table(fit, points, who, plan, random_state)
    adata = adata.copy() if copy else adata
    write_results(adata, key, {Uns.UNCERTAINTY: stored})
    return adata if copy else None


def _design(
    adata: ad.AnnData,
    comparison: Comparison,
    sides: Sides,
    batch_key: str | None,
    confounders: Sequence[str],
) -> Design:
    """Return the design of the donors, with batches and confounders from columns of ``obs``."""
    rows, who = sides.rows, sides.donors
    batches = Pair(None, None) if batch_key is None else batches_of_cells(adata, batch_key, rows)
    return donors_design(
        who.source,
        who.target,
        paired=comparison.paired,
        batches_source=batches.source,
        batches_target=batches.target,
        batch_name=batch_key or BATCH,
        covariates={name: text_of_sides(adata, name, "confounders", rows) for name in confounders},
        n_cells=(len(rows.source), len(rows.target)),
    )


def _check_retired(n_bootstrap: int | None) -> None:
    if n_bootstrap is None:
        return
    check_whole("n_bootstrap", n_bootstrap)
    msg = "n_bootstrap is not used any more: intervals come from the donors, without refits."
    warnings.warn(msg, FutureWarning, stacklevel=3)


def _formula(
    adata: ad.AnnData, comparison: Comparison, design: str | None, covariates: Sequence[str]
) -> str | None:
    """Return the formula, made of the covariates when they are given."""
    covariates = (covariates,) if isinstance(covariates, str) else covariates
    if not covariates:
        return design
    if design is not None:
        msg = "Give either design or covariates: the formula names the columns to adjust for."
        raise ValueError(msg)
    for name in covariates:
        column(adata, name, "covariates")
    return formula_of([comparison.condition_key, *covariates])


def _check_test(test: str, n_permutations: int) -> None:
    if test == "permutation" and not n_permutations:
        msg = 'test="permutation" needs n_permutations, the number of exchanges; 1000 is usual.'
        raise ValueError(msg)
    if test not in get_args(Test):
        msg = f'test={test!r} is not known: give "auto", "permutation" or "moderated_t".'
        raise ValueError(msg)


def _check_level(level: float) -> float:
    number = check_number("level", level, LEVEL)
    if not 0 < number < 1:
        msg = f"level={level} must lie between 0 and 1; 0.95 is usual."
        raise ValueError(msg)
    return number


def _baseline(
    baseline: str | tuple[str, str],
    counts_key: str | None,
    components: np.ndarray,
    fit: CoupledFit,
) -> tuple[Baseline, str]:
    """Return the baseline after a check, and the text that is stored for it."""
    names = [str(name) for name in components]
    if baseline == "counts" and counts_key is None:
        msg = 'baseline="counts" needs counts_key, the column of obs with the numbers of all cells.'
        raise ValueError(msg)
    reserved = {"median": MEDIAN, "counts": COUNTS}
    if isinstance(baseline, str) and baseline in reserved:
        return reserved[baseline], baseline
    named = isinstance(baseline, tuple | list) and len(baseline) == 2
    name = str(baseline[1] if named and baseline[0] == "subpopulation" else baseline)
    if name not in names:
        msg = (
            f'baseline={baseline!r} is neither "median" nor "counts" nor a source subpopulation: '
            f"there are {', '.join(names)}."
        )
        raise ValueError(msg)
    component = names.index(name)
    if not np.isfinite(fit.log2_net[component]):
        msg = (
            f"baseline={baseline!r}: nothing of the target came from this subpopulation, so no "
            "change relative to it can be computed. Name another subpopulation."
        )
        raise ValueError(msg)
    stored = f'subpopulation "{name}"' if name in reserved else name
    return Baseline("subpopulation", component), stored


def _n_refits(plan: Design, n_permutations: int, seed: int) -> int:
    """Return the number of refits, for the progress bar."""
    if not (plan.testable and n_permutations):
        return 0
    return len(labellings(plan, n_permutations, seed).labels)
