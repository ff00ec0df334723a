"""Share of every source subpopulation in every donor of both conditions."""

from __future__ import annotations

import pandas as pd

from cgmm.results.read import Results


def donor_pairs(results: Results) -> pd.DataFrame:
    """Return the share of every source subpopulation in every donor of both conditions.

    Returns
    -------
    pandas.DataFrame
        Columns ``component`` (source component), ``side``, ``donor``, ``share`` (0 to 1),
        ``n_cells`` (cells of the donor in the condition). The target share of donor d in component
        k is ``sum_l R_kl t_dl``; intervals are computed from these shares.
    """
    donors = results.tables["donors"]
    columns = ["component", "side", "donor", "share", "n_cells"]
    if donors.empty:
        return pd.DataFrame({c: [] for c in columns})
    source = donors.loc[donors["side"] == "source", columns]
    target = donors.loc[donors["side"] == "target", columns]
    transfers = results.tables["transfers"][
        ["source_component", "target_component", "share_of_target"]
    ]
    joined = target.merge(transfers, left_on="component", right_on="target_component")
    joined["share"] = joined["share"] * joined["share_of_target"]
    carried = (
        joined.groupby(["source_component", "side", "donor"], sort=True)
        .agg(share=("share", "sum"), n_cells=("n_cells", "first"))
        .reset_index()
        .rename(columns={"source_component": "component"})
    )
    return pd.concat([source, carried[columns]], ignore_index=True)


def donors_up(pairs: pd.DataFrame, component: float, shared: list[str]) -> tuple[int | None, int]:
    """Count the donors in both conditions in which a subpopulation grew, and all donors in both."""
    if not shared:
        return None, 0
    rows = pairs.loc[(pairs["component"] == component) & pairs["donor"].isin(shared)]
    wide = rows.pivot_table(index="donor", columns="side", values="share", aggfunc="sum")
    if not {"source", "target"} <= set(wide.columns):
        return None, 0
    wide = wide.dropna()
    return int((wide["target"] > wide["source"]).sum()), len(wide)
