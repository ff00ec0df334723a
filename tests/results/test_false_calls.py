"""False calls between the donors of one condition, where a condition has six."""

from __future__ import annotations

import anndata as ad

import cgmm as cg
from cgmm.results.facts import false_calls


def test_a_study_with_six_donors_in_a_condition_calibrates_itself(populated: ad.AnnData) -> None:
    halves = [f"{donor}{i % 2}" for i, donor in enumerate(populated.obs["donor"])]
    populated.obs["animal"] = halves
    cg.tl.donors(populated, donor_key="animal")
    (row,) = false_calls(populated)
    assert row["what"] == "populations"
    assert row["n_splits"] == 200
    assert 0 <= row["any_called"] <= 1


def test_fewer_donors_give_no_calibration(populated: ad.AnnData) -> None:
    cg.tl.donors(populated, donor_key="donor")
    assert false_calls(populated) == []
