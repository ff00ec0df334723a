"""The design formula enters shifts and the influence of donors, and the report of it says so."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from tests.get.doses import doses_of

KEY = "cgmm_high"


@pytest.fixture(scope="module")
def study() -> ad.AnnData:
    """Donors of their own; cells of women lie elsewhere, and women are 1 of 4 and 3 of 4."""
    adata = doses_of(paired=False)
    number = adata.obs["donor"].astype(str).str.split().str[1].astype(int)
    women = np.where(adata.obs["condition"] == "high", number > 0, number > 2)
    adata.obs["sex"] = np.where(women, "f", "m")
    adata.obsm["X_pca"] = adata.obsm["X_pca"] + 1.5 * women[:, None] * np.eye(4)[3]
    return adata


def test_shifts_are_adjusted_like_factors(study: ad.AnnData) -> None:
    adata = study.copy()
    cg.tl.donors(adata, key=KEY)
    plain = cg.get.populations(adata, key=KEY).set_index("name")
    cg.tl.donors(adata, key=KEY, design="~ condition + sex")
    adjusted = cg.get.populations(adata, key=KEY).set_index("name")
    assert (adjusted["shift_sd"] < plain["shift_sd"]).all()
    assert ((adjusted["shift_low"] == 0) == (adjusted["shift_p"] > 0.05)).all()
    [note] = [s for s in cg.get.params(adata, key=KEY)["donors"]["sentences"] if "formula" in s]
    assert note.startswith("The design formula enters factors and shifts of populations")


def test_the_influence_of_donors_is_that_on_the_adjusted_factor(study: ad.AnnData) -> None:
    adata = study.copy()
    cg.tl.donors(adata, key=KEY, design="~ condition + sex")
    found = cg.get.influence(adata, key=KEY)
    kept = adata[(adata.obs["donor"] != "high 2").to_numpy()].copy()
    rest = cg.get.populations(kept, key=KEY).set_index("name")["log2_net"]
    own = found[found["donor"] == "high 2"].set_index("name")["log2_net_without"]
    np.testing.assert_allclose(own.reindex(rest.index), rest)


def test_columns_of_samples_leave_shifts_as_they_were(study: ad.AnnData) -> None:
    adata = study.copy()
    rng = np.random.default_rng(0)
    half = rng.random(adata.n_obs) < 0.5
    adata.obs["region"] = np.where(half, "front", "back")
    adata.obs["sample"] = adata.obs["donor"].astype(str) + " " + adata.obs["region"]
    before = cg.get.populations(adata, key=KEY)
    cg.tl.donors(adata, key=KEY, design="~ condition + region", sample_key="sample")
    after = cg.get.populations(adata, key=KEY)
    np.testing.assert_allclose(after["shift_sd"], before["shift_sd"])
    sentences = " ".join(cg.get.params(adata, key=KEY)["donors"]["sentences"])
    assert "shifts allow for pairs and batches only" in sentences
