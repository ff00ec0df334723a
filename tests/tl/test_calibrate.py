from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm.report.claims.calibration import calibration_sentences


@pytest.fixture
def many(fitted: ad.AnnData) -> ad.AnnData:
    """The donors of the fit, each divided into two, so that a condition has eight."""
    fitted.obs["half"] = fitted.obs["donor"].astype(str) + np.where(
        np.arange(fitted.n_obs) % 2, "x", "y"
    )
    cg.tl.donors(fitted, donor_key="half")
    return fitted


def test_labels_and_components_are_read_again(many: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.calibrate"):
        cg.get.calibration(many)
    cg.tl.calibrate(many, n_splits=30, by="cell_type")
    table = cg.get.calibration(many).set_index("what")
    assert list(table.index) == ["populations", "components"]
    assert (table["n_splits"] == 30).all()
    assert table["n_tests"]["populations"] == 30 * 6
    assert (table["small_p"] < 0.15).all()
    assert set(table["conditions"]) == {"source and target"}
    sentences = calibration_sentences(cg.get.calibration(many))
    assert "of 30 splits call a change of populations" in sentences[0]
    again = cg.tl.calibrate(many, n_splits=30, by="cell_type", copy=True)
    np.testing.assert_array_equal(
        cg.get.calibration(again)["small_p"], cg.get.calibration(many)["small_p"]
    )


def test_splits_are_fitted_anew(many: ad.AnnData) -> None:
    cg.tl.calibrate(many, n_splits=2, n_refits=1)
    table = cg.get.calibration(many).set_index("what")
    assert table["n_splits"]["components, fitted anew"] == 1
    assert table["n_tests"]["shifts, fitted anew"] >= 1


def test_few_donors_are_told(fitted: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="needs 6 of them; the source has 4"):
        cg.tl.calibrate(fitted)
