"""One source against several targets."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.automatic.fit import fit_automatic
from cgmm.tl._targets import target_key

DOSES = {"dose 2": [0.0, 0.0, 0.0], "dose 10": [1.5, 0.0, -1.5]}
CALL = {"condition_key": "condition", "source": "none", "donor_key": "donor"}


@pytest.fixture(scope="module")
def doses() -> ad.AnnData:
    """The same untreated cells, and one target per dose with known factors."""
    parts, truth = [], {}
    for name, change in DOSES.items():
        drawn = cg.simulate.points(
            n_components=3,
            n_dims=4,
            n_cells=400,
            log2_change=change,
            shift=1.0,
            separation=20,
            donor_share_sd=0.05,
            random_state=2,
        )
        one = drawn.to_anndata()
        one.obs["condition"] = (
            one.obs["condition"].astype(str).replace({"source": "none", "target": name})
        )
        if parts:  # the untreated cells are drawn first, so they are the same each time
            np.testing.assert_array_equal(one.obsm["X_pca"][:400], parts[0].obsm["X_pca"][:400])
            one = one[one.obs["condition"] == name].copy()
        one.obs_names = [f"{name} {i}" for i in range(one.n_obs)]
        parts.append(one)
        truth[name] = dict(zip(drawn.truth["names"], drawn.truth["log2_net"], strict=True))
    adata = ad.concat(parts)
    adata.obs["condition"] = pd.Categorical(
        adata.obs["condition"], categories=["none", "dose 2", "dose 10"]
    )
    adata.uns["truth"] = truth
    return adata


@pytest.fixture(scope="module")
def compared(doses: ad.AnnData) -> ad.AnnData:
    adata = doses.copy()
    assert cg.tl.fit_targets(adata, **CALL, name_by="cell_type") is None
    return adata


def test_all_targets_share_the_source_components(compared: ad.AnnData) -> None:
    first, second = (cg.get.fit(compared, key=f"cgmm_{d}") for d in DOSES)
    for part in ("means", "covariances"):
        np.testing.assert_array_equal(getattr(first.source, part), getattr(second.source, part))
    # one source, one answer to how common its components are
    np.testing.assert_allclose(first.shares_source, second.shares_source, atol=1e-6)
    tables = [cg.get.factors(compared, key=f"cgmm_{d}") for d in DOSES]
    assert list(tables[0]["name"]) == list(tables[1]["name"])
    assert list(tables[0]["n_cells"]) == list(tables[1]["n_cells"])
    params = [cg.get.params(compared, key=f"cgmm_{d}") for d in DOSES]
    assert [p["share_source"] for p in params] == [None, "cgmm_dose 2"]
    assert "source components are given" in params[1]["reasons"]["n_components"]


def test_known_factors_are_found_and_stand_beside_each_other(
    compared: ad.AnnData, doses: ad.AnnData
) -> None:
    table = cg.get.compare(compared, by="cell_type")
    assert list(dict.fromkeys(table["target"])) == list(DOSES)
    for row in table.itertuples():
        true = doses.uns["truth"][row.target][row.name]
        assert row.log2_net == pytest.approx(true, abs=0.35)
    risen = table[(table["target"] == "dose 10") & (table["q"] < 0.05)]
    assert {"Alpha", "Gamma"} <= set(risen["name"])
    assert not (table[table["target"] == "dose 2"]["q"] < 0.05).any()
    rows = cg.get.compare(compared)
    wide = rows.pivot(index="component", columns="target", values="share_source")
    np.testing.assert_allclose(wide["dose 2"], wide["dose 10"], atol=1e-6)


def test_populations_are_the_same_in_all_targets(compared: ad.AnnData) -> None:
    columns = [f"cgmm_{dose}_population" for dose in DOSES]
    source = compared[compared.obs["condition"] == "none"].obs
    assert list(source[columns[0]].astype(str)) == list(source[columns[1]].astype(str))
    # the names are those of the true kinds, and so are the cells
    for dose, name in zip(DOSES, columns, strict=True):
        own = compared[compared.obs["condition"] == dose].obs
        assert (own[name].astype(str) == own["cell_type"].astype(str)).mean() > 0.95
        seen = cg.get.populations(compared, by=name, key=f"cgmm_{dose}")
        truth = compared.uns["truth"][dose]
        for row in seen.itertuples():
            assert row.log2_net == pytest.approx(truth[row.name], abs=0.35)
        other = np.asarray(compared.uns[f"cgmm_{dose}"]["populations_elsewhere"])
        assert len(other) > 6  # six searches, and the partitions


def test_order_is_that_of_the_conditions_not_of_the_file(compared: ad.AnnData) -> None:
    turned = compared.copy()
    entries = {k: turned.uns.pop(k) for k in list(turned.uns) if k.startswith("cgmm")}
    for name in sorted(entries):  # as a file has them: "dose 10" first
        turned.uns[name] = entries[name]
    assert list(dict.fromkeys(cg.get.compare(turned)["target"])) == list(DOSES)
    chosen = cg.get.compare(turned, ["cgmm_dose 10", "cgmm_dose 2"])
    assert chosen["target"].iloc[0] == "dose 10"


def test_fits_of_other_sources_are_not_compared(compared: ad.AnnData, doses: ad.AnnData) -> None:
    adata = compared.copy()
    fit = cg.get.fit(adata, key="cgmm_dose 10")
    moved = cg.GaussianMixture(fit.source.weights, fit.source.means + 1, fit.source.covariances)
    from dataclasses import replace

    cg.tl.annotate(
        adata,
        replace(fit, source=moved),
        **CALL,
        target="dose 10",
        key_added="cgmm_other",
    )
    with pytest.raises(ValueError, match="different source components"):
        cg.get.compare(adata)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.fit_targets"):
        cg.get.compare(doses)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"targets": ["dose 3"]}, ValueError, "targets: 'dose 3' is not a condition"),
        ({"targets": ["dose 2", "dose 2"]}, ValueError, "do not give different keys"),
        ({"targets": []}, ValueError, "there is no target"),
        ({"source": "nothing"}, ValueError, "source: 'nothing' is not a condition"),
        ({"condition_key": "dose"}, KeyError, "'dose' is not a column of obs"),
        ({"share_source": "earlier"}, KeyError, "no fit called 'earlier'"),
        ({"n_componets": 3}, TypeError, "unexpected keyword argument 'n_componets'"),
    ],
)
def test_bad_input_is_refused_in_words(
    doses: ad.AnnData, change: dict, error: type, sentence: str
) -> None:
    before = list(doses.uns)
    with pytest.raises(error, match=sentence):
        cg.tl.fit_targets(doses, **{**CALL, **change})
    assert list(doses.uns) == before


def test_a_source_can_only_be_shared_by_the_same_cells(compared: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="fitted with n_dims=4, not 3"):
        cg.tl.fit(compared, **CALL, target="dose 10", n_dims=3, share_source="cgmm_dose 2")
    with pytest.raises(ValueError, match="fitted with source='none', not 'dose 10'"):
        cg.tl.fit(
            compared,
            **{**CALL, "source": "dose 10"},
            target="none",
            share_source="cgmm_dose 2",
        )


def test_names_of_conditions_make_keys() -> None:
    assert target_key("1/2 h") == "cgmm_1-2 h"
    assert target_key("a", key_added="x") == "x_a"


def test_a_given_source_stays_as_it_is(doses: ad.AnnData) -> None:
    x = np.asarray(doses.obsm["X_pca"])
    condition = doses.obs["condition"].astype(str).to_numpy()
    x0, x1 = x[condition == "none"], x[condition == "dose 10"]
    source = cg.GaussianMixture(
        np.array([0.5, 0.5]), np.array([x0[0], x0[1]]), np.stack([np.cov(x0.T)] * 2)
    )
    fit = fit_automatic(x0, x1, source=source, n_components=3)
    np.testing.assert_array_equal(fit.source.means, source.means)
    np.testing.assert_array_equal(fit.source.covariances, source.covariances)
    assert fit.coupling.shape == (2, 3)
    assert fit.parameters["locked"] == "source"
