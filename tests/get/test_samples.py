"""Samples of a comparison: cells, quality, distances."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.pp._dropped import DROPPED


@pytest.fixture
def measured(fitted: ad.AnnData) -> ad.AnnData:
    counts = fitted.layers["counts"]
    fitted.obs["total_counts"] = np.asarray(counts.sum(axis=1)).ravel()
    fitted.obs["n_genes"] = np.asarray((counts > 0).sum(axis=1)).ravel()
    return fitted


def test_donors_are_the_samples_where_no_column_says_otherwise(fitted: ad.AnnData) -> None:
    assert set(cg.get.samples(fitted)["sample"]) == set(fitted.obs["sample"])
    del fitted.obs["sample"]
    table = cg.get.samples(fitted)
    per = fitted.obs.groupby(["condition", "donor"], observed=True).size()
    assert len(table) == len(per)
    assert list(table["condition"].unique()) == ["control", "treated"]
    wanted = [per[c, d] for c, d in zip(table["condition"], table["donor"], strict=True)]
    assert table["n_cells"].to_list() == wanted
    assert table["sample"].is_unique
    assert table["n_cells_read"].isna().all()


def test_a_donor_in_both_conditions_is_two_samples(fitted: ad.AnnData) -> None:
    last = fitted.obs["donor"].astype(str).str[-1].astype(int)
    fitted.obs["donor"] = [f"d{n % 4}" for n in last]
    table = cg.get.samples(fitted, sample_key="donor")
    assert set(table["sample"]) == {
        f"{d}, {c}" for d, c in zip(table["donor"], table["condition"], strict=True)
    }


def test_what_was_dropped_stands_beside_what_was_kept(fitted: ad.AnnData) -> None:
    names = cg.get.samples(fitted)["sample"]
    fitted.uns[DROPPED] = pd.DataFrame(
        {
            "sample": names[::-1].to_numpy(object),
            "n_cells_read": np.arange(len(names)) + 900,
            "n_few_genes": np.arange(len(names)),
            "n_mitochondrial": 3,
        }
    )
    table = cg.get.samples(fitted)
    assert table["n_few_genes"].to_list() == list(range(len(names)))[::-1]
    assert (table["n_mitochondrial"] == 3).all()


def test_quantiles_are_those_of_the_cells(measured: ad.AnnData) -> None:
    table = cg.get.sample_quality(measured)
    assert set(table["measure"]) == {"genes", "counts"}
    first = table.iloc[0]
    own = measured.obs.loc[measured.obs["sample"].astype(str) == first["sample"], "n_genes"]
    assert first["n_cells"] == len(own)
    assert first["p25"] == pytest.approx(np.quantile(own, 0.25))
    assert first["highest"] == own.max()
    names = ["lowest", "p5", "p25", "median", "p75", "p95", "highest"]
    assert (np.diff(table[names].to_numpy(), axis=1) >= 0).all()


def test_samples_of_one_kind_of_cells_lie_at_the_distances_of_their_parts(
    fitted: ad.AnnData,
) -> None:
    kinds = fitted.obs["cell_type"].astype(str)
    two = sorted(kinds.unique())[:2]
    source = fitted.obs["condition"] == "control"
    fitted.obs["part"] = np.where(
        source & (kinds == two[0]), "a", np.where(source & (kinds == two[1]), "b", "rest")
    )
    fitted.obs["label"] = pd.Categorical(kinds)
    cg.tl.annotate(
        fitted,
        cg.get.fit(fitted),
        condition_key="condition",
        source="control",
        target="treated",
        name_by="label",
    )
    table = cg.get.sample_distances(fitted, sample_key="part").set_index(["sample", "other"])
    assert table.loc[("a", "b"), "composition"] == pytest.approx(1.0)
    assert np.isnan(table.loc[("a", "b"), "state"])


def test_halves_of_a_sample_do_not_differ_in_state(populated: ad.AnnData) -> None:
    half = np.random.default_rng(0).integers(0, 2, populated.n_obs).astype(str)
    populated.obs["half"] = populated.obs["condition"].astype(str) + half
    table = cg.get.sample_distances(populated, sample_key="half").set_index(["sample", "other"])
    within = table.loc[("control0", "control1")]
    across = table.loc[("control0", "treated0")]
    assert within["state"] < 0.1 < across["state"]
    assert within["composition"] < across["composition"]
