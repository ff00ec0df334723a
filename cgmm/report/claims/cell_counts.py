"""Target cells whose origin the table of transfers does not show."""

from __future__ import annotations

from cgmm.report.claims.states import NEW
from cgmm.results.read import Results


def unlisted(results: Results) -> float:
    """Return the fraction of target cells in populations with an origin but without a row for it.

    Parameters
    ----------
    results
        A checked results folder.
    """
    arrivals, transfers = results.tables["arrivals"], results.tables["transfers"]
    known = arrivals.loc[arrivals["status"] != NEW, "share_target"].sum()
    return float(max(known - transfers["mass"].sum(), 0.0))
