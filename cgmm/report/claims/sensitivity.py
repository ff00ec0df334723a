"""Which factors are settled, in words: whether other choices of the fit give nearly the same."""

from __future__ import annotations

import numpy as np

from cgmm.report.page import text
from cgmm.results.read import Results, each
from cgmm.thresholds import MIN_CHANGE, STILL_GONE

CHOICES = {
    "seed": "the seed of the search",
    "partition": "the partition of the cells",
    "rho": "the price of reweighting",
}


def settled(results: Results) -> dict[str, bool]:
    """Return whether each factor is settled, by name; a factor that was not examined is absent."""
    factors = results.tables["factors"]
    values = {"True": True, "False": False}  # a table is read as text
    written = zip(factors["name"].astype(str), factors["settled"].astype(str), strict=True)
    return {name: values[value] for name, value in written if value in values}


def unsettled(results: Results) -> list[str]:
    """Name the factors that another choice moves by more than 1.5-fold."""
    return [name for name, holds in settled(results).items() if not holds]


def sensitivity_sentence(results: Results) -> str:
    """Write how many factors hold under other choices, and which do not."""
    n = len(settled(results))
    if not n or results.tables["sensitivity"].empty:
        return ""
    loose = unsettled(results)
    if not loose:
        which = "The only factor stays" if n == 1 else f"All {n} factors stay"
        return f"{which} within 1.5-fold however populations were found."
    cause = moved_by(results, loose)
    return (
        f"{n - len(loose)} of {n} factors stay within 1.5-fold however populations were found. "
        f"Not settled: {text.join_some(loose)}"
        f"{f' (moved by {cause})' if cause else ''}."
    )


def moved_by(results: Results, names: list[str]) -> str:
    """Write which kinds of choice move these factors more than 1.5-fold; "" when not known."""
    table = results.tables["sensitivity"]
    factors = results.tables["factors"].set_index("name")["log2_net"]
    kinds = set()
    for row in each(table.loc[table["name"].isin(names)]):
        reference = factors[row.name]
        gone = not np.isfinite(reference)
        far = row.log2_net > STILL_GONE if gone else abs(row.log2_net - reference) > MIN_CHANGE
        if far:
            kinds.add(row.parameter)
    found = [words for kind, words in CHOICES.items() if kind in kinds]
    return text.join(found)
