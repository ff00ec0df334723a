"""The ways of seeing genes change, on simulated counts whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils import files
from cgmm.genes import deseq

TYPES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta")
needs_deseq = pytest.mark.skipif(
    not deseq.installed(), reason="needs PyDESeq2 (pip install 'cgmm[de]')"
)


def true_mixtures(adata: ad.AnnData) -> dict[str, cg.GaussianMixture]:
    """The Gaussians of the true subpopulations, in the order of TYPES."""
    sides = {}
    for condition in ("control", "treated"):
        rows = (adata.obs["condition"] == condition).to_numpy()
        types = adata.obs["cell_type"].astype(str).to_numpy()[rows]
        z = np.asarray(adata.obsm["X_pca"], dtype=float)[rows]
        sides[condition] = cg.GaussianMixture(
            np.array([(types == t).mean() for t in TYPES]),
            np.stack([z[types == t].mean(axis=0) for t in TYPES]),
            np.stack([np.cov(z[types == t].T) + 1e-3 * np.eye(z.shape[1]) for t in TYPES]),
        )
    return sides


@pytest.fixture(scope="module")
def simulate(make_counts: Callable, couple: Callable, call: dict) -> Callable[..., ad.AnnData]:
    """Simulated counts with the true subpopulations as the fit."""

    def made(shift: dict[str, float], **arguments: object) -> ad.AnnData:
        adata = make_counts(
            n_cells=1600, n_genes=200, n_donors=4, paired=True, log2_change={}, shift=shift,
            random_state=5, **arguments,
        )  # fmt: skip
        fit = couple(*true_mixtures(adata).values())
        cg.tl.annotate(adata, fit, **call, donor_key="donor", name_by="cell_type")
        return adata

    return made


@pytest.fixture(scope="module")
def _everywhere(simulate: Callable) -> ad.AnnData:
    return simulate(dict.fromkeys(TYPES, 2.0))


@pytest.fixture(scope="module")
def _somewhere(simulate: Callable) -> ad.AnnData:
    return simulate({"Alpha": 2.0, "Gamma": 1.0})


@pytest.fixture
def everywhere(_everywhere: ad.AnnData) -> ad.AnnData:
    return _everywhere.copy()


@pytest.fixture
def somewhere(_somewhere: ad.AnnData) -> ad.AnnData:
    return _somewhere.copy()


def programme_of(adata: ad.AnnData) -> pd.DataFrame:
    table = cg.get.genes(adata)
    return table[table["gene"].str.startswith("RESP")]


def test_a_programme_of_all_is_common(everywhere: ad.AnnData) -> None:
    cg.tl.genes(everywhere, n_genes=None)
    table = cg.get.genes(everywhere)
    total = table["common_change"] + table["specific_change"]
    np.testing.assert_allclose(total, table["log2_change"])
    resp = programme_of(everywhere)
    assert (resp["scope"] == "common").mean() > 0.9
    assert resp["common_change"].mean() == pytest.approx(1.5, abs=0.4)
    rest = table[table["gene"].str.match("GENE|MT")]
    assert (rest["scope"] == "common").mean() < 0.02


def test_a_programme_of_some_is_specific(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    resp = programme_of(somewhere)
    assert (resp["scope"] == "specific").mean() > 0.9
    assert resp["common_change"].abs().max() < 0.3
    assert set(resp["n_specific"]) <= {1, 2, 3}
    specific = resp.groupby("name")["specific_change"].mean()
    assert specific["Alpha"] > 1.3
    assert 0.5 < specific["Gamma"] < specific["Alpha"]
    assert specific.drop(["Alpha", "Gamma"]).abs().max() < 0.3


def test_loadings_give_the_change_of_expression(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    agreement = cg.get.gene_agreement(somewhere).set_index("name")
    assert (agreement["loading_reason"] == "").all()
    # 150 of the genes went into the PCA of the fixture
    assert agreement["n_loading"].between(50, 150).all()
    assert agreement.loc["Alpha", "r_expression_loading"] > 0.5
    resp = programme_of(somewhere).dropna(subset="loading_change")
    alpha = resp[resp["name"] == "Alpha"]
    assert np.corrcoef(alpha["loading_change"], alpha["log2_change"])[0, 1] > 0.7
    assert alpha["loading_change"].mean() == pytest.approx(alpha["log2_change"].mean(), rel=0.15)
    assert (alpha["agreement"] == "all").all()
    assert resp.loc[resp["name"] == "Zeta", "loading_change"].abs().mean() < 0.3
    assert alpha["loading_log2_sd"].notna().all()


def test_genes_scaled_before_pca_are_known_by_their_sd(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    plain = cg.get.genes(somewhere)["loading_change"]
    sds = np.random.default_rng(0).uniform(0.5, 2, somewhere.n_vars)
    somewhere.varm["PCs"] = somewhere.varm["PCs"] * sds[:, None]
    cg.tl.genes(somewhere, n_genes=None)
    lost = cg.get.gene_agreement(somewhere)
    assert lost["loading_reason"].str.contains("do not give X_pca from the expression").all()
    assert cg.get.genes(somewhere)["loading_change"].isna().all()
    # (x / sd) @ (L sd) is x @ L: displacement along L sd, in units of sd
    somewhere.var["std"] = sds
    cg.tl.genes(somewhere, n_genes=None)
    order = pd.Series(sds, index=somewhere.var_names)[cg.get.genes(somewhere)["gene"]].to_numpy()
    np.testing.assert_allclose(cg.get.genes(somewhere)["loading_change"], plain * order**2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.varm.pop("PCs"), r"varm\['X_pca'\] and varm\['PCs'\] is missing"),
        (
            lambda a: a.varm.__setitem__("PCs", a.varm["PCs"][:, :3]),
            "has 3 dimensions, but the fit used 6",
        ),
        (
            lambda a: a.varm.__setitem__("PCs", a.varm["PCs"][::-1].copy()),
            "do not give X_pca from the expression at hand",
        ),
    ],
)
def test_without_loadings_there_is_a_reason(
    somewhere: ad.AnnData, change: Callable, words: str
) -> None:
    change(somewhere)
    cg.tl.genes(somewhere)
    table, agreement = cg.get.genes(somewhere), cg.get.gene_agreement(somewhere)
    assert table[["loading_change", "loading_log2_sd"]].isna().all(axis=None)
    assert (table["agreement"] == "").all()
    assert agreement["loading_reason"].str.contains(words).all()
    assert (agreement["n_loading"] == 0).all()
    assert table["log2_change"].notna().all()


@needs_deseq
def test_known_changes_are_found_over_donors(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None, de=True)
    agreement = cg.get.gene_agreement(somewhere).set_index("name")
    assert (agreement["de_reason"] == "").all()
    resp = programme_of(somewhere)
    alpha, zeta = (resp[resp["name"] == n] for n in ("Alpha", "Zeta"))
    # relative to all counts of the cell; the programme takes part of them
    assert alpha["de_log2_change"].mean() == pytest.approx(2, abs=0.4)
    assert (alpha["de_q"] < 0.05).mean() > 0.9
    assert (zeta["de_q"] < 0.05).mean() < 0.1
    rest = cg.get.genes(somewhere)
    rest = rest[rest["gene"].str.match("GENE|MT")]
    assert (rest["de_q"] < 0.05).mean() < 0.05
    assert agreement.loc["Alpha", "r_expression_de"] > 0.7
    assert agreement.loc["Alpha", "agree_top"] > 0.9
    assert (alpha["agreement"] == "all").all()


def no_donors(adata: ad.AnnData) -> None:
    two = adata.obs["donor"].cat.categories[:2]
    adata._inplace_subset_obs(adata.obs["donor"].isin(two).to_numpy())


def no_counts(adata: ad.AnnData) -> None:
    del adata.layers["counts"]


def logs_as_counts(adata: ad.AnnData) -> None:
    adata.layers["counts"] = adata.X


@needs_deseq
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_donors, "Only [0-2] donors? .* a test needs at least 3"),
        (no_counts, r"layers\['counts'\] with counts is not there"),
        (logs_as_counts, r"layers\['counts'\] does not hold counts"),
    ],
)
def test_what_cannot_be_tested_has_a_reason(
    somewhere: ad.AnnData, change: Callable, words: str
) -> None:
    change(somewhere)
    cg.tl.genes(somewhere, de=True)
    columns = ["de_log2_change", "de_p", "de_q"]
    assert cg.get.genes(somewhere)[columns].isna().all(axis=None)
    agreement = cg.get.gene_agreement(somewhere)
    assert agreement["de_reason"].str.contains(words).all()
    assert (agreement[["n_tested", "n_significant"]] == 0).all(axis=None)


def test_no_donors_no_package_and_no_wish_have_a_reason(
    somewhere: ad.AnnData, call: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason(**arguments: object) -> str:
        cg.tl.genes(somewhere, **arguments)
        found = set(cg.get.gene_agreement(somewhere)["de_reason"])
        assert len(found) == 1
        return found.pop()

    assert reason() == "Not asked for: call cgmm.tl.genes(adata, de=True)."
    monkeypatch.setattr(deseq, "PACKAGE", "no_such_package")
    assert reason(de=True) == "PyDESeq2 is not installed: pip install 'cgmm[de]'."
    cg.tl.annotate(somewhere, cg.get.fit(somewhere), **call)
    assert "No donors were given" in reason(de=True)


@needs_deseq
def test_counts_may_lie_in_another_object_in_another_order(somewhere: ad.AnnData) -> None:
    elsewhere = somewhere[np.random.default_rng(0).permutation(somewhere.n_obs)].copy()
    few = somewhere.var_names[:90]
    here = somewhere[:, few].copy()
    cg.tl.genes(here, de=True)
    expected = cg.get.genes(here), cg.get.gene_agreement(here)
    bare = ad.AnnData(
        obs=somewhere.obs, obsm=dict(somewhere.obsm), uns=dict(somewhere.uns),
        var=somewhere.var[[]], varm=dict(somewhere.varm),
    )  # fmt: skip
    cg.tl.genes(bare, expression=elsewhere[:, few], de=True)
    pd.testing.assert_frame_equal(cg.get.genes(bare), expected[0])
    pd.testing.assert_frame_equal(cg.get.gene_agreement(bare), expected[1])


@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_names_used_twice_stop_nothing_that_needs_no_names(
    somewhere: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells of several samples often share barcodes, and genes share symbols."""
    sums: list[np.ndarray] = []

    def differential(samples: Any, _: np.ndarray) -> tuple[None, str]:
        sums.append(samples.counts)
        return None, "not made here"

    monkeypatch.setattr(deseq, "installed", lambda: True)
    monkeypatch.setattr(deseq, "differential", differential)
    cg.tl.genes(somewhere, n_genes=None, de=True)
    expected, table = list(sums), cg.get.genes(somewhere)
    sums.clear()
    unique = somewhere.copy()
    somewhere.obs_names = np.repeat(unique.obs_names[: unique.n_obs // 2], 2)
    somewhere.var_names = ["ALPHA02", *unique.var_names[1:]]
    cg.tl.genes(somewhere, n_genes=None, de=True)
    assert len(expected) == len(sums) == len(TYPES)
    for before, after in zip(expected, sums, strict=True):
        np.testing.assert_array_equal(before, after)
    columns = ["component", "log2_change", "loading_change", "rank"]
    pd.testing.assert_frame_equal(cg.get.genes(somewhere)[columns], table[columns])
    cg.tl.genes(somewhere, expression=somewhere.copy())
    first_again = unique[[*range(unique.n_obs), 0]].copy()
    with pytest.raises(ValueError, match="expression= names cells more than once"):
        cg.tl.genes(unique, expression=first_again)
    somewhere.obs_names = unique.obs_names
    cg.tl.genes(somewhere, expression=ad.AnnData(unique.X, obs=unique.obs, var=unique.var))
    assert "names used twice" in cg.get.gene_agreement(somewhere)["loading_reason"].iloc[0]


def test_tables_survive_a_file(somewhere: ad.AnnData, tmp_path: Path) -> None:
    cg.tl.genes(somewhere)
    before = cg.get.genes(somewhere), cg.get.gene_agreement(somewhere)
    files.write_h5ad(somewhere, tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    for frame, again in zip(before, (cg.get.genes(read), cg.get.gene_agreement(read)), strict=True):
        pd.testing.assert_frame_equal(frame, again)


def test_values_that_are_no_counts_have_no_ambient_share(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, natural_log=False)
    table = cg.get.genes(somewhere)
    assert table["ambient_share"].isna().all()
    in_units = table.set_index(["name", "gene"])["loading_change"].dropna()
    cg.tl.genes(somewhere)
    in_log2 = cg.get.genes(somewhere).set_index(["name", "gene"])["loading_change"]
    both = in_units.index.intersection(in_log2.index)
    np.testing.assert_allclose(in_log2[both], in_units[both] / np.log(2))
