"""A comparison is read back as it was stored."""

from __future__ import annotations

import anndata as ad
import numpy as np

import cgmm as cg
from cgmm._anndata.comparison import Comparison


def test_a_comparison_survives_its_parameters() -> None:
    comparison = Comparison(
        condition_key="dose", source="0", target="10", n_dims=5, donor_key="animal", paired=True
    )
    params = comparison.to_params()
    assert list(params) == [
        "condition_key",
        "source",
        "target",
        "use_rep",
        "n_dims",
        "donor_key",
        "paired",
    ]
    assert Comparison.from_params({**params, "rho": 5.0}) == comparison


def test_conditions_are_text() -> None:
    comparison = Comparison(condition_key="dose", source=np.int64(0), target=10)  # type: ignore[arg-type]
    assert comparison.conditions == ("0", "10")


def test_a_fit_stores_its_comparison_with_the_number_of_dimensions(fitted: ad.AnnData) -> None:
    stored = Comparison.from_params(cg.get.params(fitted))
    assert stored == Comparison(
        condition_key="condition", source="control", target="treated", n_dims=6, donor_key="donor"
    )
