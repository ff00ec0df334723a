"""Checks of a design before anything runs; each sentence names the columns and a remedy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgmm.donors.formula_words import counted, joined

MAX_LENGTH = 500  # characters of a formula
MAX_NAMES = 12  # products of more columns have thousands of terms
MIN_FREEDOM = 2  # residual degrees of freedom
_EXAMPLE = "'~ condition + sex + age'"
_PIECES = re.compile(r"`[^`]+`|[\w.]+|[~+*:()\s-]")


def check_words(formula: object) -> None:
    """Raise when a formula is no text, too long, or written with signs that are not allowed."""
    if not isinstance(formula, str):
        msg = f"design must be a formula as text, such as {_EXAMPLE}, got {formula!r}."
        raise TypeError(msg)
    if len(formula) > MAX_LENGTH:
        msg = f"design has {len(formula)} characters; a formula has at most {MAX_LENGTH}."
        raise ValueError(msg)
    if not formula.strip().startswith("~"):
        msg = f"design={formula!r} must start with '~', as in {_EXAMPLE}."
        raise ValueError(msg)
    pieces = _PIECES.findall(formula)
    if "".join(pieces) != formula or "**" in formula:
        rest = sorted(set(_PIECES.sub("", formula))) or ["**"]
        msg = (
            f"design={formula!r} has {joined([repr(r) for r in rest])}, which a formula here does "
            "not take: use +, * and : between columns, and put a name with other signs in "
            "`backticks`."
        )
        raise ValueError(msg)
    if len([p for p in pieces if p[0] == "`" or p[0].isalpha()]) > 2 * MAX_NAMES:
        msg = f"design names too many columns: at most {MAX_NAMES} are taken."
        raise ValueError(msg)
    if re.search(r"-\s*1\b|(?<![\w.`])0(?![\w.`])", re.sub(r"`[^`]+`", "", formula)):
        msg = f"design={formula!r} drops the intercept, which the change of a share needs: keep it."
        raise ValueError(msg)


def check_columns(columns: Sequence[str], table: pd.DataFrame, condition: str) -> None:
    """Raise when a column is not in the table, or the condition is not in the formula."""
    for name in columns:
        if name not in table.columns:
            there = joined([repr(str(c)) for c in table.columns])
            msg = f"design: {name!r} is not a column of the samples; there are {there}."
            raise ValueError(msg)
    if condition not in columns:
        msg = (
            f"design has no {condition!r}, the column of the conditions, so it compares nothing: "
            f"add it, as in '~ {condition} + ...'."
        )
        raise ValueError(msg)
    if len(columns) > MAX_NAMES:
        msg = f"design names {len(columns)} columns; at most {MAX_NAMES} are taken."
        raise ValueError(msg)


def check_values(
    data: pd.DataFrame, condition: str, *, logs: set[str], unit: str, constant_allowed: bool
) -> None:
    """Raise when a column has missing, infinite or constant values."""
    for name in data.columns:
        values = data[name]
        if n := int(values.isna().sum()):
            msg = (
                f"design: {name!r} is missing for {n} of {counted(len(values), unit)}: fill it in, "
                f"leave these out, or leave {name} out of the formula."
            )
            raise ValueError(msg)
        numbers = None if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy(float)
        if numbers is not None and not np.isfinite(numbers).all():
            msg = f"design: {name!r} has infinite values: correct them."
            raise ValueError(msg)
        if name in logs and numbers is not None and (numbers <= 0).any():
            msg = f"design: the logarithm of {name!r} needs values above zero: {numbers.min():g}."
            raise ValueError(msg)
        if name in logs and numbers is None:
            msg = f"design: {name!r} is text, so it has no logarithm: give numbers."
            raise ValueError(msg)
        if name != condition and values.nunique() < 2 and not constant_allowed:
            msg = (
                f"design: {name!r} is {values.iloc[0]!s} in every {unit}, so nothing can be "
                "adjusted for it: leave it out."
            )
            raise ValueError(msg)


def check_cells(data: pd.DataFrame, terms: list[list[str]], unit: str) -> None:
    """Raise when an interaction of factors has a combination of levels without a unit."""
    for columns in terms:
        factors = [c for c in columns if isinstance(data[c].dtype, pd.CategoricalDtype)]
        if len(factors) < 2:
            continue
        there = set(map(tuple, data[factors].astype(str).to_numpy()))
        for combination in itertools.product(*(data[c].cat.categories for c in factors)):
            if tuple(map(str, combination)) not in there:
                what = joined([f"{c} {v}" for c, v in zip(factors, combination, strict=True)])
                msg = (
                    f"design: no {unit} has {what}, so the interaction {':'.join(factors)} cannot "
                    f"be estimated. Add such a {unit}, or write + in place of * for these columns; "
                    "the change of the condition, the same at every level, can then be answered."
                )
                raise ValueError(msg)


def check_parameters(shape: tuple[int, int], formula: str, unit: str, *, paired: bool) -> None:
    """Raise when too few units are left to say how much they differ."""
    n, p = shape
    if n - p < MIN_FREEDOM:
        msg = (
            f"design={formula!r} has {counted(p, 'parameter')}{', pairs included' * paired}, but "
            f"there are only {counted(n, unit)}: at least {p + MIN_FREEDOM} are needed. "
            f"Leave columns out, or add {unit}s."
        )
        raise ValueError(msg)


def check_estimable(
    matrix: np.ndarray,
    groups: Mapping[str, np.ndarray],
    data: pd.DataFrame,
    condition: str,
    *,
    unit: str,
) -> None:
    """Raise when a term cannot be separated from the other terms.

    Parameters
    ----------
    matrix
        Shape (n_units, p).
    groups
        Columns of the matrix that belong to each term.
    data
        The columns of the formula.
    condition
        Column of the condition.
    unit
        What a row is called.
    """
    if _rank(matrix) == matrix.shape[1]:
        return
    order = [condition, *(name for name in groups if name != condition)]
    for name in order:
        own = groups.get(name, np.array([], int))
        rest = np.setdiff1d(np.arange(matrix.shape[1]), own)
        if _rank(matrix) == _rank(matrix[:, rest]) + len(own):
            continue
        partners = _partners(matrix, groups, name)
        if name == condition:
            raise ValueError(_confounded(partners, data, condition, unit))
        whom = joined(partners) if partners else "the other columns"
        msg = (
            f"design: {name} and {whom} say the same, in whole or in part "
            f"({counted(len(data), unit)}), so their effects cannot be told apart. Leave one of "
            f"them out; the change of {condition} can still be answered."
        )
        raise ValueError(msg)
    msg = "design: the columns cannot be told apart: leave one of them out."
    raise ValueError(msg)


def _rank(matrix: np.ndarray) -> int:
    """Return the rank of a matrix whose columns are brought to one length."""
    length = np.linalg.norm(matrix, axis=0)
    return int(np.linalg.matrix_rank(matrix / np.where(length > 0, length, 1.0), tol=1e-7))


def _partners(matrix: np.ndarray, groups: Mapping[str, np.ndarray], name: str) -> list[str]:
    """Return the fewest other terms, up to two, that give a column of a term.

    The intercept, and the columns of donors, may help them.
    """
    own = groups[name]
    free = np.setdiff1d(np.arange(matrix.shape[1]), np.concatenate(list(groups.values())))
    others = [other for other in groups if other != name]
    for n in (1, 2):
        for chosen in itertools.combinations(others, n):
            columns = np.concatenate([free, *(groups[c] for c in chosen)]).astype(int)
            both = np.concatenate([columns, own])
            if _rank(matrix[:, both]) < _rank(matrix[:, columns]) + len(own):
                return list(chosen)
    return []


def _confounded(partners: list[str], data: pd.DataFrame, condition: str, unit: str) -> str:
    """Return the sentence that the condition cannot be told from other columns."""
    if not isinstance(data[condition].dtype, pd.CategoricalDtype):
        return (
            f"design: {joined(partners) if partners else 'the other columns'} cannot be told from "
            f"the order of the conditions, so a trend cannot be separated from it: leave it out."
        )
    source, target = data[condition].cat.categories
    if not partners:
        return (
            f"design: the other columns together give the {condition} of every {unit}, so a change "
            "cannot be told from their effects: leave some of them out."
        )
    names = joined(partners)
    start = (
        f"design: {names} cannot be told from {condition}: a change cannot be separated from a "
        f"difference by {names}."
    )
    name = partners[0]
    cure = f"a {unit} of {source} or {target} with another value of {names} would separate them."
    if len(partners) == 1 and name in data and isinstance(data[name].dtype, pd.CategoricalDtype):
        held = [sorted(set(data[name][data[condition] == c].astype(str))) for c in (source, target)]
        start += f" {source} has {joined(held[0])}, {target} has {joined(held[1])}."
        cure = (
            f"a {unit} of {source} with {name} {held[1][0]}, or of {target} with {name} "
            f"{held[0][0]}, would separate them."
        )
    return (
        f"{start} Without {names} in the formula the two conditions can be compared, but the "
        f"answer holds both effects; {cure}"
    )
