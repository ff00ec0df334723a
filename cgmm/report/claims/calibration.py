"""What calibration on the study itself says: false calls between donors of one condition."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgmm.report.page import text
from cgmm.results.read import Results, each
from cgmm.thresholds import ALPHA


def own_calibration(results: Results) -> list[str]:
    """Write what the study says of its own tests; no sentence without six donors a condition."""
    rows = results.meta.get("calibration")
    if not isinstance(rows, list) or not rows:
        return []
    return calibration_sentences(pd.DataFrame(rows))


def null_sentence(results: Results) -> str:
    """Write how many calls the study makes, beside those where its donors are exchanged."""
    rows = results.meta.get("null")
    first = rows[0] if isinstance(rows, list) and rows else None  # the change of the condition
    if not isinstance(first, Mapping) or not text.is_number(first.get("mean_called")):
        return ""
    called = int(first["n_called"])
    return (
        f"Of {text.plural(int(first['n_tested']), 'tested population')}, {called} "
        f"{'has' if called == 1 else 'have'} q under {ALPHA}. Where the donors of this study are "
        "exchanged at random, which leaves no change to find, "
        f"{first['mean_called']:.2g} do on average (any in {text.percent(first['any_called'])} of "
        f"{int(first['n_exchanges'])} exchanges)."
    )


def calibration_sentences(table: pd.DataFrame) -> list[str]:
    """Write how often a change would have been called where nothing changed.

    Parameters
    ----------
    table
        From :func:`cgmm.get.calibration`.

    Returns
    -------
    One sentence for each kind of number; none for an empty table.
    """
    return [
        f"Between donors of one condition ({row.conditions}), where nothing can have changed, "
        f"{text.percent(row.any_called)} of {text.plural(int(row.n_splits), 'split')} call a "
        f"change of {row.what} (q < 0.05), and {text.percent(row.small_p)} of "
        f"{text.plural(int(row.n_tests), 'test')} have p < 0.05 (5% are expected)."
        for row in each(table)
    ]
