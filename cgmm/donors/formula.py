"""A design formula over units: from text and a table to a model matrix and its contrasts.

A formula such as ``~ condition + sex + age`` names columns of a table with one row per unit (a
donor in a condition, or a sample of a donor).  Text becomes factors, numbers stay numbers.  The
model matrix is made by formulaic; only names, ``C()``, ``center()``, ``scale()``, ``log()`` and
``log2()`` are accepted, so a formula runs no code of its author.

A contrast is a difference of two predicted log-odds, each averaged over the units with some columns
set to a value: the condition set to the target less the condition set to the source, one level of a
factor less another, a covariate raised by one.  An interaction is a difference of two such
differences.  A contrast also has a base, the log-odds that its change starts from.

Where donors are compared with themselves, every donor has a column of its own.  Columns of the
formula that are the same in both units of every donor are then left out, because the pairs already
allow for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cgmm.donors.formula_checks import (
    check_cells,
    check_columns,
    check_estimable,
    check_parameters,
    check_values,
    check_words,
)
from cgmm.donors.formula_matrix import Factor, FormulaMatrix, nested_factors
from cgmm.donors.formula_words import joined
from cgmm.donors.reasons import Note, Reason

TRANSFORMS = ("C", "center", "scale", "log", "log2")
_CALL = re.compile(rf"({'|'.join(TRANSFORMS)})\(\s*(?:`([^`]+)`|([^\W\d]\w*))\s*\)")


class Contrast(NamedTuple):
    """A change that the model estimates.

    Attributes
    ----------
    kind
        "condition", "within" (the change of the condition within a level), "interaction" (a
        difference of such changes), "factor" or "covariate".
    name
        The change in words.
    change
        Weights of the coefficients, shape (p,).
    base
        Weights of the coefficients that give the log-odds before the change, shape (p,).
    between
        Names of the two changes whose difference an interaction is, where they are contrasts.
    """

    kind: str
    name: str
    change: np.ndarray
    base: np.ndarray
    between: tuple[str, ...] = ()


class Model(NamedTuple):
    """A model matrix over units, and what is asked of it.

    Attributes
    ----------
    formula
        As it was given.
    matrix
        Shape (n_units, p), of full rank with fewer columns than rows.
    columns
        Names of the columns of the matrix, p.
    contrasts
        The changes; the first one is that of the condition.
    adjusted_for
        What the change of the condition is adjusted for, in words.
    notes
        Remarks on columns that were left out or read as numbers.
    """

    formula: str
    matrix: np.ndarray
    columns: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    adjusted_for: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def sentence(self) -> str:
        """What the change of the condition is adjusted for, in a sentence."""
        if not self.adjusted_for:
            return f"Changes of populations are not adjusted for covariates ({self.formula})."
        what = joined(self.adjusted_for)
        return f"Changes of populations are adjusted for {what} ({self.formula})."


def columns_of(formula: str) -> list[str]:
    """Return the columns that a formula names, in the order of their first mention.

    Raises
    ------
    TypeError, ValueError
        When the formula is no text, cannot be read, or uses what is not allowed.
    """
    return list(dict.fromkeys(factor.column for term in _terms(formula) for factor in term))


def model(
    formula: str,
    table: pd.DataFrame,
    *,
    condition: str,
    source: str,
    target: str,
    pairs: np.ndarray | None = None,
    unit: str = "donor",
    scores: Mapping[str, float] | None = None,
) -> Model:
    """Return the model matrix of a formula and its contrasts.

    Parameters
    ----------
    formula
        For instance ``"~ condition + sex + age"``.
    table
        One row per unit; the columns that the formula names.  Numbers are covariates; text is a
        factor unless all of it reads as numbers.
    condition
        Column of the condition, which must be in the formula.
    source, target
        The two values of the condition.
    pairs
        Donor of every unit when donors are compared with themselves, shape (n_units,); else None.
    unit
        What a row of the table is called in sentences.
    scores
        Number of every condition on a scale, such as a dose, for rows of any of these conditions.
        The condition then enters as this number, and its change is the one along the fitted line,
        from ``source`` to ``target``. None: the table has two conditions.

    Returns
    -------
    Model

    Raises
    ------
    TypeError, ValueError
        When the formula cannot be read, names columns that are missing, constant or incomplete,
        when the change of the condition cannot be separated from another column, or when there are
        fewer rows than parameters need.  The message names the columns and a remedy.
    """
    check_columns(columns_of(formula), table, condition)
    ends: tuple[Any, Any] = (source, target)
    if scores is not None:
        formula = _uncoded(formula, condition)
        table = table.assign(**{condition: table[condition].astype(str).map(dict(scores))})
        ends = (scores[source], scores[target])
    terms, columns = _terms(formula), columns_of(formula)
    coded = {f.column for term in terms for f in term if f.transform == "C"}
    coded |= set() if scores is not None else {condition}
    logs = {f.column for term in terms for f in term if f.transform in {"log", "log2"}}
    data, notes = _typed(table, columns, coded)
    if scores is None:
        data[condition] = pd.Categorical(data[condition].astype(str), categories=[source, target])
    check_values(data, condition, logs=logs, unit=unit, constant_allowed=pairs is not None)
    check_cells(data, [[f.column for f in term] for term in terms], unit)
    nested = nested_factors(data, terms, condition)
    made = FormulaMatrix(formula, data, pairs, {outer for outer, _ in nested})
    check_parameters(made.matrix.shape, formula, unit, paired=made.paired)
    check_estimable(made.matrix, made.groups(terms), data, condition, unit=unit)
    notes += [Reason.NESTED.note(outer=outer, inner=inner) for outer, inner in nested]
    gone = [c for c in made.left_out(terms) if c not in {outer for outer, _ in nested}]
    notes += [Reason.WITHIN_PAIRS.note(column=c) for c in gone]
    return Model(
        formula,
        made.matrix,
        made.names,
        tuple(_contrasts(made, terms, condition, ends, f"{target} against {source}")),
        tuple(_adjusted_for(made, columns, condition)),
        tuple(notes),
    )


def _terms(formula: str) -> list[list[Factor]]:
    """Return the terms of a formula without its intercept."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    check_words(formula)
    try:
        parsed: Any = Formula(formula)
    except (FormulaicError, SyntaxError, ValueError, RecursionError) as error:
        why = re.sub(r"[^\x20-\x7e]\[?[\d;]*m?", "", str(error).split("\n")[0]).strip()
        msg = f"design={formula!r} cannot be read: {why} Write it as '~ condition + sex + age'."
        raise ValueError(msg) from None
    terms = []
    for term in parsed:
        factors = [_factor(f.expr, formula) for f in term.factors if f.expr != "1"]
        if factors:
            terms.append(factors)
    return terms


def _factor(expression: str, formula: str) -> Factor:
    if call := _CALL.fullmatch(expression):
        return Factor(call[2] or call[3], call[1])
    if "(" in expression:
        msg = (
            f"design={formula!r}: {expression!r} is not allowed. A formula takes names of columns "
            f"and {', '.join(name + '()' for name in TRANSFORMS)} of a column."
        )
        raise ValueError(msg)
    return Factor(expression, "")


def _uncoded(formula: str, name: str) -> str:
    """Return a formula in which a column that is coded as a factor stands for its numbers."""
    return re.sub(rf"C\(\s*(`?{re.escape(name)}`?)\s*\)", r"\1", formula)


def _typed(
    table: pd.DataFrame, columns: list[str], coded: set[str]
) -> tuple[pd.DataFrame, list[Note]]:
    """Return the columns as numbers or factors, and notes on text that reads as numbers."""
    notes: list[Note] = []
    data: dict[str, Any] = {}
    for name in columns:
        values = table[name]
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if name not in coded and not is_number:
            missing = _missing(values)
            numbers = pd.to_numeric(values.astype(object).where(~missing), errors="coerce")
            is_truth = pd.api.types.is_bool_dtype(values)
            if not is_truth and not missing.all() and (numbers.notna() | missing).all():
                values, is_number = numbers, True
                notes.append(Reason.READ_AS_NUMBERS.note(column=name))
        if name in coded or not is_number:
            data[name] = _factor_of(values)
        else:
            data[name] = np.asarray(values, dtype=float)
    return pd.DataFrame(data), notes


def _missing(values: pd.Series) -> pd.Series:
    """Return which values are missing; empty text is."""
    return values.isna() | (values.astype(str).str.strip() == "")


def _factor_of(values: pd.Series) -> pd.Categorical:
    """Return values as a factor; the order of categories stays, other text is sorted."""
    text = [None if gone else str(v) for v, gone in zip(values, _missing(values), strict=True)]
    present = {v for v in text if v is not None}
    known = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else ()
    levels = list(map(str, known)) if len(known) else sorted(present)
    return pd.Categorical(text, categories=[level for level in levels if level in present])


def _contrasts(
    made: FormulaMatrix,
    terms: list[list[Factor]],
    condition: str,
    ends: tuple[Any, Any],
    words: str,
) -> list[Contrast]:
    """Return the contrasts of the condition, of its interactions and of the other columns."""
    found = [_difference(made, "condition", words, {}, condition, *ends)]
    others = list(dict.fromkeys(f.column for t in terms for f in t if f.column != condition))
    for name in others:
        if any({condition, name} <= {f.column for f in term} for term in terms):
            found += _within(made, name, condition, ends, words)
    free = [name for name in others if name not in made.left_out(terms)]
    for name in free:
        logged = any(f.column == name and f.transform.startswith("log") for t in terms for f in t)
        found += _of_column(made, name, logged=logged)
    return [c for c in found if np.abs(c.change).max() > 1e-9]


def _difference(
    made: FormulaMatrix,
    kind: str,
    name: str,
    fixed: dict[str, Any],
    column: str,
    low: Any,
    high: Any,
) -> Contrast:
    base = made.row({**fixed, column: low})
    return Contrast(kind, name, made.row({**fixed, column: high}) - base, base)


def _within(
    made: FormulaMatrix, name: str, condition: str, ends: tuple[Any, Any], words: str
) -> list[Contrast]:
    """Return the change of the condition within each level of a factor, and their differences."""
    column = made.data[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = list(column.cat.categories)
        steps = [(f"{name} {level}", level) for level in levels]
        apart = [f"{words}: {name} {level} against {levels[0]}" for level in levels[1:]]
    else:
        steps = [(f"mean {name}", column.mean()), (f"mean {name} + 1", column.mean() + 1)]
        apart = [f"{words}: per unit of {name}"]
    each = [
        _difference(made, "within", f"{words}, {label}", {name: value}, condition, *ends)
        for label, value in steps
    ]
    shown = each if isinstance(column.dtype, pd.CategoricalDtype) else []
    first = each[0]
    differences = [
        Contrast(
            "interaction",
            label,
            other.change - first.change,
            other.base + first.change,
            (first.name, other.name) if shown else (),
        )
        for label, other in zip(apart, each[1:], strict=True)
    ]
    return shown + differences


def _of_column(made: FormulaMatrix, name: str, *, logged: bool) -> list[Contrast]:
    """Return the contrasts of a factor's levels against its first, or of a covariate per unit."""
    column = made.data[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = list(column.cat.categories)
        return [
            _difference(made, "factor", f"{name} {b} against {levels[0]}", {}, name, levels[0], b)
            for b in levels[1:]
        ]
    values = column.to_numpy(float)
    label = f"{name}, doubled" if logged else f"{name}, per unit"
    higher = values * 2 if logged else values + 1
    return [_difference(made, "covariate", label, {}, name, values, higher)]


def _adjusted_for(made: FormulaMatrix, columns: list[str], condition: str) -> list[str]:
    """Return what the change of the condition is adjusted for, in words."""
    words = []
    for name in columns:
        if name == condition:
            continue
        is_factor = isinstance(made.data[name].dtype, pd.CategoricalDtype)
        words.append(name if is_factor else f"{name} (a number)")
    return [*words, "pairs"] if made.paired else words
