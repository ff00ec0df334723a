"""The units of a comparison in an AnnData object, and the model of a design formula over them.

A unit is a donor in a condition or, with a column of samples, a sample of a donor in a condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_no_missing, column
from cgmm._anndata.sides import text_of_sides
from cgmm.donors.design import Design, design, unit_of_cells
from cgmm.donors.formula import Model, columns_of, model
from cgmm.donors.reasons import Reason
from cgmm.pair import SIDES, SOURCE, TARGET, Pair
from cgmm.thresholds import MIN_CELLS_PER_DONOR


@dataclass(frozen=True, kw_only=True)
class DonorColumns:
    """Which columns of ``obs`` describe the donors; None where there is none.

    Attributes
    ----------
    condition_key, source, target, donor_key, paired
        As in :class:`cgmm._anndata.comparison.Comparison`.
    batch_key
        Column with the batches.
    design
        The formula; None: the conditions, with pairs or batches.
    sample_key
        Column with the samples of a donor, which are replicates.
    counts_key
        Column with the number of all cells that a sample stands for.
    """

    condition_key: str
    source: str
    target: str
    donor_key: str | None
    paired: bool | None = None
    batch_key: str | None = None
    design: str | None = None
    sample_key: str | None = None
    counts_key: str | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> DonorColumns:
        """Return the columns that :func:`cgmm.tl.donors` was given, else those of the fit."""
        stored = params.get("donors") or {}
        of_donors = ("donor_key", "paired", "batch_key", "design", "sample_key", "counts_key")
        given = {name: stored[name] for name in of_donors if stored.get(name) is not None}
        of_fit = ("condition_key", "source", "target", "donor_key", "paired")
        return cls(**{name: params[name] for name in of_fit} | given)

    @property
    def modelled(self) -> bool:
        """Whether a formula or samples were given, so that changes come from a model of units."""
        return self.design is not None or self.sample_key is not None

    @property
    def formula(self) -> str:
        """The formula; by default that of the condition alone."""
        return self.design or formula_of([self.condition_key])

    @property
    def unit(self) -> str:
        """What a unit is called in sentences."""
        return "donor" if self.sample_key is None else "sample"


class Units(NamedTuple):
    """The units of both conditions, source first."""

    plan: Design  #: the donors
    table: pd.DataFrame  #: one row per unit: condition, donor, sample, and columns of ``obs``
    of_cell: tuple[np.ndarray, np.ndarray]  #: unit of every cell of a side; -1: left out
    donors: np.ndarray  #: (n_units,) row of the donor in ``plan.units``

    @property
    def sizes(self) -> np.ndarray:
        """Number of units of source and target."""
        return np.bincount(self.plan.sides[self.donors], minlength=2)

    @property
    def of_cell_in_side(self) -> Pair[np.ndarray]:
        """Unit of every cell among the units of its side; -1: left out."""
        source, target = self.of_cell
        return Pair(source, np.where(target >= 0, target - self.sizes[0], -1))


def formula_of(columns: Sequence[str]) -> str:
    """Return the formula that adds columns, with names in backticks where they need them."""
    return "~ " + " + ".join(c if str(c).isidentifier() else f"`{c}`" for c in columns)


def with_batch(formula: str, batch: str) -> str:
    """Return a formula with a column of batches as a factor, which it may have already."""
    return formula if batch in columns_of(formula) else f"{formula} + C(`{batch}`)"


def read_donors(
    adata: ad.AnnData, columns: DonorColumns, rows: Pair[np.ndarray]
) -> tuple[Design, Pair[np.ndarray]] | None:
    """Return the design of the donors, and the donor of every cell; None without donors.

    Parameters
    ----------
    adata
        The object.
    columns
        Which columns of ``obs`` describe the donors.
    rows
        Positions of the cells of each side.

    Returns
    -------
    The design, and for each side the position of each cell's donor among the units of the side, -1
    for cells that are left out.
    """
    if columns.donor_key is None:
        return None
    donors = text_of_sides(adata, columns.donor_key, "donor_key", rows)
    batches: Pair[np.ndarray | None] = Pair(None, None)
    if columns.batch_key is not None:
        batches = Pair(*text_of_sides(adata, columns.batch_key, "batch_key", rows))
    plan = design(
        *donors,
        paired=columns.paired,
        batches_source=batches.source,
        batches_target=batches.target,
        batch_name=columns.batch_key or "batch",
    )
    sizes = (len(rows.source), len(rows.target))
    return plan, Pair(*unit_of_cells(plan, (donors.source, donors.target), sizes, 0))


def read_units(
    adata: ad.AnnData, columns: DonorColumns, rows: Mapping[str, np.ndarray]
) -> Units | None:
    """Return the units of a comparison with the columns that its formula names.

    Parameters
    ----------
    adata
        The object.
    columns
        Which columns of ``obs`` describe the donors.
    rows
        Positions of the cells of each side.

    Returns
    -------
    Units; None without donors.

    Raises
    ------
    KeyError
        When a column is missing.
    TypeError, ValueError
        When a column has several values within a unit, or the design is not possible.
    """
    found = read_donors(adata, columns, Pair(rows[SOURCE], rows[TARGET]))
    if found is None:
        return None
    plan, of_donor = found
    names: list[tuple[str, ...]] = []
    of_cell, owners = [], []
    for side, own in enumerate(of_donor):
        code, keys = own, [(i,) for i in range(plan.n_units[side])]
        if columns.sample_key is not None:
            code, keys = _samples(adata, columns.sample_key, rows[SIDES[side]], own)
        start = len(names)
        of_cell.append(np.where(code >= 0, code + start, -1))
        owners += [key[0] + side * plan.n_units[0] for key in keys]
        names += [(plan.side(side)[key[0]].donor, *key[1:]) for key in keys]
    table = _table(adata, columns, rows, of_cell, names)
    return Units(plan, table, (of_cell[0], of_cell[1]), np.array(owners, dtype=int))


def model_of(units: Units, columns: DonorColumns) -> Model:
    """Return the model of the formula over the units.

    Raises
    ------
    TypeError, ValueError
        When the formula cannot be read or the design is not possible.
    """
    formula = columns.formula
    batch = columns.batch_key
    if batch is not None and units.plan.adjusted:
        formula = with_batch(formula, batch)
    donors = np.array([units.plan.units[i].donor for i in units.donors])
    return model(
        formula,
        units.table,
        condition=columns.condition_key,
        source=str(columns.source),
        target=str(columns.target),
        pairs=donors if units.plan.paired else None,
        unit=columns.unit,
    )


def check_design(
    adata: ad.AnnData, columns: DonorColumns, rows: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Check the design of the donors, and return what is stored of it.

    Parameters
    ----------
    adata
        The object.
    columns
        Which columns of ``obs`` describe the donors.
    rows
        Positions of the cells of each side.

    Returns
    -------
    The entries design, sample_key, counts_key, design_sentence ("" without a formula and without
    samples) and design_notes.

    Raises
    ------
    KeyError, TypeError, ValueError
        When a column is missing or unfit, or when the design is not possible.
    """
    stored: dict[str, Any] = {
        "design": columns.design,
        "sample_key": columns.sample_key,
        "counts_key": columns.counts_key,
        "design_sentence": "",
        "design_notes": [],
    }
    if not columns.modelled and columns.counts_key is None:
        return stored
    units = read_units(adata, columns, rows)
    if columns.counts_key is not None and units is not None:
        numbers_of_units(adata, columns, units, rows)
    if not columns.modelled:
        return stored
    if units is None:
        msg = "design and sample_key need donors: give donor_key, or leave them out."
        raise ValueError(msg)
    made = model_of(units, columns)
    notes = list(made.notes)
    sentence = "" if columns.design is None else made.sentence
    if columns.design is not None:
        notes.append(Reason.FIT_NOT_ADJUSTED.note())
    if columns.sample_key is not None:
        repeats = np.bincount(units.donors)
        if repeats.max() > 1:
            sentence += (
                f" {len(units.donors)} samples of {len(repeats)} donors, each in its condition, "
                "count with a random donor effect."
            )
        else:
            notes.append(Reason.NO_REPEATED_SAMPLES.note())
    return stored | {
        "design_sentence": sentence.strip(),
        "design_notes": [str(note) for note in notes],
    }


def numbers_of_units(
    adata: ad.AnnData, columns: DonorColumns, units: Units, rows: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the number of all cells that each unit stands for, shape (n_units,).

    Raises
    ------
    KeyError
        When the column is missing.
    ValueError
        When a number is not positive, or not the same in all cells of a unit.
    """
    key = str(columns.counts_key)
    cells, unit = _cells_of(units.of_cell, rows)
    values = pd.to_numeric(column(adata, key, "counts_key"), errors="coerce").iloc[cells]
    ends = pd.Series(values.to_numpy(float)).groupby(unit).agg(["min", "max"])
    wrong = ends.index[~((ends["min"] == ends["max"]) & (ends["min"] > 0))]
    if len(wrong):
        name = units.plan.units[units.donors[wrong[0]]].donor
        low, high = ends.loc[wrong[0]]
        msg = (
            f"obs[{key!r}] must be one positive number for all cells of a {columns.unit} in a "
            f"condition, but donor {name!r} has {low:g} to {high:g}."
        )
        raise ValueError(msg)
    return ends["min"].to_numpy(float)


def _samples(
    adata: ad.AnnData, key: str, rows: np.ndarray, donors: np.ndarray
) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Return the sample of every cell of a side, -1 for small samples, and (donor, sample) of each.

    A sample in which several donors were pooled is one unit for each of them.
    """
    values = column(adata, key, "sample_key")
    check_no_missing(values, rows, "sample")
    labels = values.astype(str).to_numpy(object)[rows]
    pairs = pd.MultiIndex.from_arrays([donors, labels])
    code, found = pd.factorize(pairs, sort=True)
    sizes = np.bincount(code, minlength=len(found))
    keep = [i for i, (d, _) in enumerate(found) if d >= 0 and sizes[i] >= MIN_CELLS_PER_DONOR]
    place = np.full(len(found), -1)
    place[keep] = np.arange(len(keep))
    return place[code], [(int(found[i][0]), str(found[i][1])) for i in keep]


def _table(
    adata: ad.AnnData,
    columns: DonorColumns,
    rows: Mapping[str, np.ndarray],
    of_cell: list[np.ndarray],
    names: list[tuple[str, ...]],
) -> pd.DataFrame:
    """Return one row per unit, with the columns that the formula names."""
    cells, unit = _cells_of(of_cell, rows)
    wanted = columns_of(columns.formula)
    if columns.batch_key is not None:
        wanted.append(columns.batch_key)
    data = {}
    for name in dict.fromkeys([columns.condition_key, *wanted, columns.donor_key]):
        values = column(adata, str(name), "design").iloc[cells]
        _check_constant(values, unit, names, columns)
        data[name] = values.iloc[np.unique(unit, return_index=True)[1]].array
    return pd.DataFrame(data)


def _cells_of(
    of_cell: Sequence[np.ndarray], rows: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the cells that are in a unit, and their units."""
    unit = np.concatenate(of_cell)
    return np.concatenate([rows[side] for side in SIDES])[unit >= 0], unit[unit >= 0]


def _check_constant(
    values: pd.Series, unit: np.ndarray, names: list[tuple[str, ...]], columns: DonorColumns
) -> None:
    """Raise when a column has several values within a unit."""
    codes = pd.factorize(values)[0]
    low, high = (pd.Series(codes).groupby(unit).agg(how) for how in ("min", "max"))
    different = low.index[low.to_numpy() != high.to_numpy()]
    if not len(different):
        return
    where = names[int(different[0])]
    several = sorted(set(values[unit == different[0]].astype(str)))
    advice = "" if columns.sample_key else " Where it belongs to a sample, give sample_key."
    msg = (
        f"obs[{str(values.name)!r}] must be the same in all cells of a {columns.unit} in a "
        f"condition, but {' '.join(where)} has {', '.join(several[:4])}.{advice}"
    )
    raise ValueError(msg)
