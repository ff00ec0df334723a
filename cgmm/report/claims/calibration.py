"""What calibration on the study itself says: false calls between donors of one condition."""

from __future__ import annotations

import pandas as pd

from cgmm.report.page import text
from cgmm.results.read import each


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
