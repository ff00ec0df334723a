from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils.h5ad import write_h5ad

FEW = {"n_permutations": 40}


@pytest.fixture(scope="module")
def _sure(_fitted: ad.AnnData) -> ad.AnnData:
    return cg.tl.donors(_fitted, **FEW, copy=True)


@pytest.fixture
def sure(_sure: ad.AnnData) -> ad.AnnData:
    return _sure.copy()


def test_intervals_and_tests_reach_the_tables(sure: ad.AnnData) -> None:
    factors, known = cg.get.factors(sure), cg.get.params(sure)["donors"]
    usable = factors["reason"] == ""
    assert usable.sum() >= 4
    finite = factors[usable & np.isfinite(factors["log2_net"])]
    assert (finite["ci_low"] < finite["log2_net"]).all()
    assert (finite["log2_net"] < finite["ci_high"]).all()
    assert (factors["interval_from"] == "donor t").all()
    assert finite[["p", "q", "p_moderated", "p_permutation"]].notna().all(axis=None)
    assert known["n_donors"] == [4, 4]
    assert known["n_distinct"] == 35
    assert known["test"] == "moderated_t"
    outside = (finite["ci_low"] > 0) | (finite["ci_high"] < 0)
    np.testing.assert_array_equal(outside, finite["p"] < 0.05)
    shifts = cg.get.shifts(sure)
    tested = shifts[shifts["p"].notna()]
    assert len(tested) >= 4
    assert (tested["ci_low"] <= tested["unbiased_shift_sd"]).all()
    assert (tested["unbiased_shift_sd"] <= tested["ci_high"]).all()
    assert (tested.loc[tested["p"] >= 0.05, "ci_low"] == 0).all()


def test_the_baseline_is_the_median_subpopulation(sure: ad.AnnData) -> None:
    factors = cg.get.factors(sure)
    relative = factors.loc[factors["reason"] == "", "log2_relative"]
    assert np.median(relative[np.isfinite(relative)]) == pytest.approx(0, abs=1e-9)
    moved = (factors["log2_net"] - factors["log2_relative"]).dropna()
    np.testing.assert_allclose(moved, cg.get.params(sure)["donors"]["baseline_log2"])


def test_a_reference_subpopulation_does_not_change(fitted: ad.AnnData) -> None:
    name = cg.get.factors(fitted).sort_values("n_cells")["name"].iloc[-1]
    cg.tl.donors(fitted, baseline=name)
    row = cg.get.factors(fitted).set_index("name").loc[name]
    assert row["log2_relative"] == pytest.approx(0)
    assert row["relative_high"] - row["relative_low"] < row["ci_high"] - row["ci_low"] + 1e-9
    with pytest.raises(ValueError, match="neither"):
        cg.tl.donors(fitted, baseline="nobody")


def test_a_subpopulation_called_median_can_be_the_baseline(fitted: ad.AnnData) -> None:
    names = fitted.uns["cgmm"]["names_source"].astype(object)
    names[1] = "median"
    fitted.uns["cgmm"]["names_source"] = names
    cg.tl.donors(fitted, baseline=("subpopulation", "median"))
    factors = cg.get.factors(fitted)
    assert factors["log2_relative"][1] == pytest.approx(0)
    assert cg.get.params(fitted)["donors"]["baseline"] == 'subpopulation "median"'
    cg.tl.donors(fitted, baseline="median")
    relative = cg.get.factors(fitted).loc[factors["reason"] == "", "log2_relative"]
    assert np.median(relative[np.isfinite(relative)]) == pytest.approx(0, abs=1e-9)
    for wrong in (("subpopulation", "nobody"), ("component", "median"), 3):
        with pytest.raises(ValueError, match="neither"):
            cg.tl.donors(fitted, baseline=wrong)  # type: ignore[arg-type]


def test_counts_make_factors_absolute(fitted: ad.AnnData) -> None:
    fitted.obs["total"] = np.where(fitted.obs["condition"] == "control", 1000.0, 4000.0)
    cg.tl.donors(fitted, baseline="counts", counts_key="total")
    factors = cg.get.factors(fitted)
    gap = (factors["log2_relative"] - factors["log2_net"]).dropna()
    np.testing.assert_allclose(gap, 2.0)
    fitted.obs["total"] = np.arange(fitted.n_obs) + 1.0
    with pytest.raises(ValueError, match="one positive number"):
        cg.tl.donors(fitted, baseline="counts", counts_key="total")
    with pytest.raises(ValueError, match="needs counts_key"):
        cg.tl.donors(fitted, baseline="counts")


def test_donors_that_moved_are_seen(sure: ad.AnnData) -> None:
    table = cg.get.donor_shifts(sure)
    assert set(table["side"]) == {"source", "target"}
    factors = cg.get.factors(sure)
    big = factors.loc[factors["n_cells"] >= 100, "component"]
    shifts = cg.get.shifts(sure)
    for k in big:
        own = table[table["component"] == k]
        lengths = shifts[shifts["source_component"] == k]
        if own["position_sd"].isna().any() or lengths["share_of_source"].max() < 0.95:
            continue
        at = own.groupby("side")["position_sd"].mean()
        assert abs(at["source"]) < 0.25
        assert at["target"] == pytest.approx(lengths["mean_shift_sd"].iloc[0], abs=0.3)


def test_without_donors_intervals_come_from_cells(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call)
    cg.tl.donors(simulated, **FEW)
    factors, known = cg.get.factors(simulated), cg.get.params(simulated)["donors"]
    assert (factors["interval_from"] == "cells").all()
    assert factors["p"].isna().all()
    assert factors["ci_low"].notna().sum() >= 4
    assert "too narrow" in known["sentences"][0]
    assert len(cg.get.donor_shifts(simulated)) == 0


def test_two_donors_give_a_sentence_and_no_numbers(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    simulated.obs["animal"] = np.arange(simulated.n_obs) % 2
    simulated.obs["animal"] = simulated.obs["condition"].astype(str) + simulated.obs[
        "animal"
    ].astype(str)
    cg.tl.annotate(simulated, fit, **call, donor_key="animal")
    cg.tl.donors(simulated, **FEW)
    factors = cg.get.factors(simulated)
    assert factors[["ci_low", "ci_high", "p", "q"]].isna().all(axis=None)
    assert factors["reason"].str.contains("too few").all()
    assert (factors["interval_from"] == "").all()


@pytest.fixture
def gone_and_new() -> ad.AnnData:
    """Five subpopulations, of which the target lacks the first and the source the last."""
    drawn = cg.simulate.points(n_components=5, separation=24, shift=1.0, n_cells=1500)
    adata, kind = drawn.to_anndata(), drawn.component
    absent = {"source": 4, "target": 0}
    keep = np.array([absent[c] != k for c, k in zip(drawn.condition, kind, strict=True)])
    adata, kind = adata[keep].copy(), kind[keep]
    points, mixtures = [], []
    for side in ("source", "target"):
        here = (adata.obs["condition"] == side).to_numpy()
        own = np.unique(kind[here])
        points.append(adata.obsm["X_pca"][here])
        mixtures.append(
            cg.GaussianMixture(
                np.full(4, 0.25), drawn.truth[f"{side}_means"][own], drawn.truth["covariances"][own]
            )
        )
    fit = cg.fit_coupled(*points, init=tuple(mixtures), tol=1e-3)
    call = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(adata, fit, **call, donor_key="donor", name_by="cell_type")
    return adata


def test_what_is_gone_or_new_leaves_the_others_their_numbers(gone_and_new: ad.AnnData) -> None:
    adata = gone_and_new
    cg.tl.donors(adata, **FEW)
    factors = cg.get.factors(adata)
    assert list(factors["status"]) == ["gone", "", "", ""]
    assert list(cg.get.arrivals(adata)["status"]) == ["", "", "", "new"]
    tests = ["p", "p_permutation", "p_moderated"]
    assert factors.loc[1:, ["ci_low", "ci_high", "log2_relative", *tests]].notna().all(axis=None)
    # as common as before, and so are they said to be
    assert (factors.loc[1:, tests] > 0.03).all(axis=None)
    assert (factors.loc[1:, "ci_low"] < 0).all()
    assert (factors.loc[1:, "ci_high"] > 0).all()
    assert np.isnan(factors["inflow"][0])
    assert factors.loc[1:, "inflow"].notna().all()
    moved = cg.get.donor_shifts(adata).groupby("component")["position_sd"].count()
    assert moved.to_dict() == {0: 0, 1: 8, 2: 8, 3: 8}
    with pytest.raises(ValueError, match="nothing of the target came from this subpopulation"):
        cg.tl.donors(adata, baseline=str(factors["name"][0]))


def test_a_side_whose_donors_all_have_few_cells(fitted: ad.AnnData) -> None:
    target = (fitted.obs["condition"] == "treated").to_numpy()
    fitted.obs["litter"] = np.where(target, np.arange(fitted.n_obs) // 15, -1).astype(str)
    fitted.obs["litter"] += np.where(target, "", fitted.obs["donor"].astype(str))
    fitted.obs["lane"] = np.where(np.arange(fitted.n_obs) % 2, "one", "two")
    fitted.obs.loc[target, "lane"] = "one"
    cg.tl.donors(fitted, donor_key="litter", batch_key="lane")
    factors = cg.get.factors(fitted)
    assert factors[["ci_low", "p"]].isna().all(axis=None)
    assert factors["reason"].str.contains("Only 0 donors").all()
    assert set(cg.get.donor_shifts(fitted)["side"]) == {"source"}


def test_bad_input_is_told(fitted: ad.AnnData) -> None:
    before = dict(fitted.uns["cgmm"])
    with pytest.raises(KeyError, match="batch_key='lane' is not a column"):
        cg.tl.donors(fitted, batch_key="lane")
    with pytest.raises(KeyError, match="donor_key='person'"):
        cg.tl.donors(fitted, donor_key="person")
    fitted.obs["lane"] = fitted.obs["condition"].astype(str)
    with pytest.raises(ValueError, match="lane is the same as the condition"):
        cg.tl.donors(fitted, batch_key="lane")
    with pytest.raises(ValueError, match="no donor is"):
        cg.tl.donors(fitted, paired=True)
    with pytest.raises(ValueError, match="level=95"):
        cg.tl.donors(fitted, level=95)
    with pytest.raises(ValueError, match="test='t'"):
        cg.tl.donors(fitted, test="t")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_jobs must be a whole number of at least 1, got 0"):
        cg.tl.donors(fitted, n_jobs=0)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.donors"):
        cg.get.donor_shifts(fitted)
    assert set(fitted.uns["cgmm"]) == set(before)


def test_files_keep_it(sure: ad.AnnData, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_h5ad(sure, tmp_path / "a.h5ad")
        back = ad.read_h5ad(tmp_path / "a.h5ad")
    for name in ("factors", "transfers", "shifts", "donor_shifts"):
        pd.testing.assert_frame_equal(getattr(cg.get, name)(sure), getattr(cg.get, name)(back))
    assert cg.get.params(back)["donors"] == cg.get.params(sure)["donors"]
