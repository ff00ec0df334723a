"""Shares and positions of donors."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm.tables import TABLES


def test_shares_of_a_donor_add_up_on_both_sides(fitted: ad.AnnData) -> None:
    for frame in (cg.get.donors(fitted), cg.get.carried_donors(fitted)):
        assert tuple(frame.columns) == TABLES["donors"].names
        sums = frame.groupby(["side", "donor"])["share"].sum()
        assert len(sums) == 8
        np.testing.assert_allclose(sums, 1)


def test_source_donors_are_the_same_in_terms_of_source_components(fitted: ad.AnnData) -> None:
    own, carried = cg.get.donors(fitted), cg.get.carried_donors(fitted)
    source = own["side"] == "source"
    assert own[source].equals(carried[carried["side"] == "source"])


def test_a_fit_without_donors_has_no_rows(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call)
    assert cg.get.donors(simulated).empty
    assert tuple(cg.get.carried_donors(simulated).columns) == TABLES["donors"].names


def test_positions_need_the_step_over_donors(fitted: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.donors"):
        cg.get.donor_shifts(fitted)
