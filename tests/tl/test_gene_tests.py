"""Tests over donors find the genes that change, or give a reason why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.genes import deseq, voom
from tests.tl.truth import TYPES, programme_of

needs_deseq = pytest.mark.skipif(
    not deseq.installed(), reason="needs PyDESeq2 (pip install 'pydeseq2>=0.5.4')"
)


@pytest.mark.parametrize("test", ["moderated", pytest.param("deseq2", marks=needs_deseq)])
def test_known_changes_are_found_over_donors(somewhere: ad.AnnData, test: str) -> None:
    cg.tl.genes(somewhere, n_genes=None, de_test=test)
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
    cg.tl.genes(somewhere)
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

    assert reason(de=False).startswith("Tests of genes were switched off")
    monkeypatch.setattr(deseq, "PACKAGE", "no_such_package")
    assert reason(de_test="deseq2") == "PyDESeq2 is not installed: pip install 'pydeseq2>=0.5.4'."
    cg.tl.annotate(somewhere, cg.get.fit(somewhere), **call)
    assert "No donors were given" in reason()


def test_counts_may_lie_in_another_object_in_another_order(somewhere: ad.AnnData) -> None:
    elsewhere = somewhere[np.random.default_rng(0).permutation(somewhere.n_obs)].copy()
    few = somewhere.var_names[:90]
    here = somewhere[:, few].copy()
    cg.tl.genes(here)
    expected = cg.get.genes(here), cg.get.gene_agreement(here)
    bare = ad.AnnData(
        obs=somewhere.obs, obsm=dict(somewhere.obsm), uns=dict(somewhere.uns),
        var=somewhere.var[[]], varm=dict(somewhere.varm),
    )  # fmt: skip
    cg.tl.genes(bare, expression=elsewhere[:, few])
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

    monkeypatch.setattr(voom, "differential", differential)
    cg.tl.genes(somewhere, n_genes=None)
    expected, table = list(sums), cg.get.genes(somewhere)
    sums.clear()
    unique = somewhere.copy()
    somewhere.obs_names = np.repeat(unique.obs_names[: unique.n_obs // 2], 2)
    somewhere.var_names = ["ALPHA02", *unique.var_names[1:]]
    cg.tl.genes(somewhere, n_genes=None)
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


def test_features_without_counts_are_tested_by_the_means_of_donors(somewhere: ad.AnnData) -> None:
    del somewhere.layers["counts"]
    cg.tl.genes(somewhere, n_genes=None, natural_log=False)
    agreement = cg.get.gene_agreement(somewhere)
    assert (agreement["de_reason"] == "").all()
    table = cg.get.genes(somewhere)
    alpha = table[(table["name"] == "Alpha") & table["gene"].str.startswith("RESP")]
    assert (alpha["de_q"] < 0.05).mean() > 0.9
    # donors count equally in both, so the tested change is near the change of the means
    np.testing.assert_allclose(alpha["de_log2_change"], alpha["log2_change"], atol=0.15)


def test_only_known_tests_are_taken(somewhere: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="de_test='edger' is not a test of genes: give 'moder"):
        cg.tl.genes(somewhere, de_test="edger")
