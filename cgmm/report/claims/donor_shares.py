"""Share of every population in every donor of both conditions."""

from __future__ import annotations

import pandas as pd

from cgmm.results.read import Results


def donor_pairs(results: Results) -> pd.DataFrame:
    """Return the share of every population of the source in every donor of both conditions.

    Returns
    -------
    pandas.DataFrame
        Columns ``component`` (number of the population in factors.tsv), ``side``, ``donor``,
        ``share`` (0 to 1), ``n_cells`` (cells of the donor in the condition).
    """
    donors = results.tables["donors"]
    columns = ["component", "side", "donor", "share", "n_cells"]
    factors = results.tables["factors"]
    number = dict(zip(factors["name"], factors["component"], strict=True))
    known = donors.loc[donors["name"].isin(number.keys())]
    return known.assign(component=known["name"].map(number))[columns].reset_index(drop=True)


def donors_up(pairs: pd.DataFrame, component: float, shared: list[str]) -> tuple[int | None, int]:
    """Count the donors in both conditions in which a population grew, and all donors in both."""
    if not shared:
        return None, 0
    rows = pairs.loc[(pairs["component"] == component) & pairs["donor"].isin(shared)]
    wide = rows.pivot_table(index="donor", columns="side", values="share", aggfunc="sum")
    if not {"source", "target"} <= set(wide.columns):
        return None, 0
    wide = wide.dropna()
    return int((wide["target"] > wide["source"]).sum()), len(wide)
