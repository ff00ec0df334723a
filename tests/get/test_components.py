"""Components of both sides and the origins of target components."""

from __future__ import annotations

import anndata as ad
import numpy as np

import cgmm as cg


def test_shares_of_the_components_of_a_side_add_up(fitted: ad.AnnData) -> None:
    parts = cg.get.components(fitted)
    assert list(parts["side"]) == ["source"] * 6 + ["target"] * 6
    np.testing.assert_allclose(parts.groupby("side")[["share", "weight"]].sum(), 1)


def test_arrivals_are_the_target_components(fitted: ad.AnnData) -> None:
    parts, arrivals = cg.get.components(fitted), cg.get.arrivals(fitted)
    target = parts[parts["side"] == "target"].reset_index(drop=True)
    for own, other in (("name", "name"), ("share", "share_target"), ("n_cells", "n_cells")):
        assert target[own].tolist() == arrivals[other].tolist()
    transfers = cg.get.transfers(fitted)
    best = transfers.loc[transfers.groupby("target_component")["share_of_target"].idxmax()]
    assert best["source"].tolist() == arrivals["main_source"].tolist()
    np.testing.assert_allclose(best["share_of_target"], arrivals["share_from_main_source"])
