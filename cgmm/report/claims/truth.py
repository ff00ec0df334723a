"""Estimates beside the truth of simulated data.

The fit may divide a simulated population into several source components. The shares of all
source components whose cells mostly carry its annotation are then summed, and the factor is the
ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmm.report.page import text
from cgmm.results.read import Results


@dataclass(frozen=True)
class Known:
    """One simulated population: its true log2 factor and the estimate."""

    name: str
    truth: float
    found: float
    ci_low: float
    ci_high: float
    subs: tuple[int, ...]

    @property
    def comparable(self) -> bool:
        """Whether both numbers are finite."""
        return bool(np.isfinite(self.truth) and np.isfinite(self.found))

    @property
    def has_interval(self) -> bool:
        """Whether a single component stands for the population and has an interval."""
        return bool(np.isfinite(self.ci_low) and np.isfinite(self.ci_high))


def _annotations(results: Results) -> dict[str, str]:
    table = results.tables["components"]
    mine = table.loc[table["side"] == "source"]
    return dict(zip(mine["name"].astype(str), mine["cell_type"].astype(str), strict=True))


def _found(name: str, truth: float, rows: pd.DataFrame, results: Results) -> Known:
    source, target = float(rows["share_source"].sum()), float(rows["share_target"].sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.log2(np.float64(target) / np.float64(source))) if len(rows) else np.nan
    single = rows.iloc[0] if len(rows) == 1 else None
    if single is not None and np.isfinite(single["log2_net"]):
        value = float(single["log2_net"])
    return Known(
        name=name,
        truth=truth if np.isfinite(truth) else np.nan,
        found=value,
        ci_low=np.nan if single is None else float(single["ci_low"]),
        ci_high=np.nan if single is None else float(single["ci_high"]),
        subs=tuple(results.index_of(str(n)) for n in rows["name"]),
    )


def known_truth(results: Results) -> list[Known]:
    """Return every simulated factor beside its estimate.

    Parameters
    ----------
    results
        A checked results folder.

    Returns
    -------
    list of Known
        In the order of the truth; empty for data that were not simulated.
    """
    truth = results.meta.get("truth")
    if not isinstance(truth, Mapping) or not truth.get("names"):
        return []
    names = [str(n) for n in truth["names"]]
    values = pd.to_numeric(pd.Series(truth["log2_net"], dtype=object), errors="coerce")
    factors = results.tables["factors"]
    types = _annotations(results)
    own = factors["name"].astype(str)
    group = own.map(lambda n: types[n] if types.get(n) in names else n)
    return [
        _found(name, float(value), factors.loc[group == name], results)
        for name, value in zip(names, values, strict=True)
    ]


def truth_sentence(results: Results) -> str:
    """Write how far estimated and true factors lie apart."""
    known = known_truth(results)
    if not known:
        return ""
    both = [k for k in known if k.comparable]
    if not both:
        return (
            "The data are simulated, but no population carries the name of a simulated one, so "
            "estimate and truth cannot be set side by side."
        )
    error = float(np.sqrt(np.mean([(k.found - k.truth) ** 2 for k in both])))
    sentence = (
        f"Over {text.plural(len(both), 'simulated population')}, factors are typically off by "
        f"{text.ratio(2**error)}-fold (the root mean square error is {text.fixed(error)} on the "
        "log2 scale)."
    )
    pooled = [k.name for k in both if len(k.subs) > 1]
    if pooled:
        sentence += f" Cut into several by the fit and pooled here: {text.join_some(pooled)}."
    tested = [k for k in both if k.has_interval]
    if tested:
        inside = sum(k.ci_low <= k.truth <= k.ci_high for k in tested)
        sentence += f" The truth lies inside {inside} of {text.plural(len(tested), 'interval')}."
    return sentence
