"""Influence of single donors: net factors without one donor, and donors that disagree.

The net factor counts all donors equally: it is the ratio of the mean share in the target to the
mean share in the source.  Leaving out a donor removes it from both means.  A donor disagrees with a
change when the change of its own share has the other sign.  For a donor in both conditions, the
change is between its own shares.  For a donor in one condition, its share is compared with the mean
of the other condition.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def leave_one_donor_out(source: pd.DataFrame, target: pd.DataFrame) -> pd.DataFrame:
    """Return every factor with one donor left out.

    Parameters
    ----------
    source, target
        Shares of the source components (columns) in the donors (rows) of either condition.  Shares
        of the target are carried back to the source components (:mod:`cgmm.donors.shares`).
        NaN: the donor does not have the component.

    Returns
    -------
    One row for each component and donor, components in the order of ``source``, donors sorted:

    ``component``, ``donor``
        The component, and the donor that is left out.
    ``log2_net``
        Log2 factor over all donors.
    ``log2_net_without``
        Log2 factor without the donor.
    ``disagrees``
        Whether the change of the donor alone has the other sign.

    A component that lacks a finite factor, with all donors or without one of them, has no rows.
    """
    frames = []
    for component in source.columns:
        if component not in target.columns:
            continue
        before, after = source[component].dropna(), target[component].dropna()
        donors = sorted({*before.index, *after.index})
        everyone = _log2_ratio(after, before)
        without = [
            _log2_ratio(after.drop(d, errors="ignore"), before.drop(d, errors="ignore"))
            for d in donors
        ]
        if not np.isfinite([everyone, *without]).all():
            continue
        frames.append(
            pd.DataFrame(
                {
                    "component": component,
                    "donor": np.array([str(d) for d in donors], dtype=object),
                    "log2_net": everyone,
                    "log2_net_without": without,
                    "disagrees": [_disagrees(before, after, d, everyone) for d in donors],
                }
            )
        )
    columns = ["component", "donor", "log2_net", "log2_net_without", "disagrees"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _log2_ratio(above: pd.Series, below: pd.Series) -> float:
    """Return log2 of the ratio of two means."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.log2(np.float64(above.mean()) / np.float64(below.mean())))


def _disagrees(source: pd.Series, target: pd.Series, donor: str, log2_net: float) -> bool:
    """Return whether a donor's change and the log2 factor over all donors differ in sign."""
    before = source[donor] if donor in source.index else source.mean()
    after = target[donor] if donor in target.index else target.mean()
    return bool((after - before) * np.sign(log2_net) < 0)
