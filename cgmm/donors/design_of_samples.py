"""The model of a design formula from the rows of a sample sheet, before cells are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgmm.donors.design import paired_by_default
from cgmm.donors.formula import Model, columns_of, model

CONDITION, DONOR = "condition", "donor"


def design_of_samples(
    formula: str,
    rows: Sequence[Mapping[str, str]],
    *,
    source: str,
    target: str,
    technical_replicates: bool = False,
) -> Model:
    """Return the model that the samples of a comparison allow.

    Parameters
    ----------
    formula
        The design formula.
    rows
        One row per sample: condition, donor, and the columns of the formula, as text; empty text
        is a missing value.
    source, target
        The two conditions; rows of other conditions are left out.
    technical_replicates
        Whether samples of a donor in a condition are counted together.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        When the design is not possible; the sentence names the columns and a remedy.
    """
    names = columns_of(formula)
    own = [row for row in rows if row[CONDITION] in (source, target)]
    if not own or not all(row[DONOR] for row in own):
        msg = "a design needs the column `donor` filled in for its samples."
        raise ValueError(msg)
    units: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in own:
        units.setdefault((row[CONDITION], row[DONOR]), []).append(row)
    repeated = max(map(len, units.values())) > 1 and not technical_replicates
    kept = own if repeated else [_one(same, names) for same in units.values()]
    who = [{donor for condition, donor in units if condition == end} for end in (source, target)]
    both = who[0] & who[1]
    paired = paired_by_default(len(both), len(who[0] | who[1]))
    kept = [row for row in kept if not paired or row[DONOR] in both]
    return model(
        formula,
        pd.DataFrame({name: [row[name] or None for row in kept] for name in names}),
        condition=CONDITION,
        source=source,
        target=target,
        pairs=np.array([row[DONOR] for row in kept]) if paired else None,
        unit="sample" if repeated else "donor",
    )


def _one(same: list[Mapping[str, str]], names: list[str]) -> Mapping[str, str]:
    """Return the row of technical replicates; raise when they differ in a column."""
    for name in names:
        values = sorted({row[name] for row in same})
        if len(values) > 1:
            msg = (
                f"design: {name!r} differs between the technical replicates of donor "
                f"{same[0][DONOR]} ({', '.join(values)}). Correct the sheet, or set "
                "`technical_replicates: false`."
            )
            raise ValueError(msg)
    return same[0]
