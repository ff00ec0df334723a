"""Simulated counts have the truth that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm import simulate


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_same_seed_same_data() -> None:
    first, second, other = (
        simulate.counts(n_cells=300, n_genes=150, random_state=s) for s in (4, 4, 5)
    )
    assert (first.X != second.X).nnz == 0
    assert first.obs.equals(second.obs)
    assert same(first.uns["truth"], second.uns["truth"])
    assert (first.X != other.X).nnz > 0
    a, b = (simulate.points(random_state=9) for _ in range(2))
    np.testing.assert_array_equal(a.points, b.points)


def test_counts_are_what_they_say() -> None:
    adata = simulate.counts(n_cells=600, n_genes=200, n_donors=3)
    assert adata.shape == (600, 200)
    assert adata.X.dtype == np.float32
    np.testing.assert_array_equal(adata.X.data, np.rint(adata.X.data))
    assert adata.X.data.min() >= 1
    assert adata.var_names.is_unique
    assert adata.obs_names.is_unique
    assert list(adata.obs["condition"].cat.categories) == ["control", "treated"]
    assert adata.obs.groupby("condition", observed=True)["donor"].nunique().tolist() == [3, 3]
    assert adata.obs["sample"].nunique() == 6
    mito = adata.X[:, np.flatnonzero(adata.var["kind"] == "mitochondrial")].sum()
    assert 0.005 < mito / adata.X.sum() < 0.1


def test_requested_changes_are_the_truth_up_to_a_common_scale() -> None:
    change = {"Alpha": 0.5, "Beta": -1.0, "Gamma": 0.0}
    truth = simulate.counts(n_cells=100, n_genes=150, log2_change=change).uns["truth"]
    log2_net = dict(zip(truth["names"], truth["log2_net"], strict=True))
    assert log2_net["Alpha"] - log2_net["Beta"] == pytest.approx(1.5)
    assert log2_net["Alpha"] - log2_net["Gamma"] == pytest.approx(0.5)
    assert truth["shares_target"].sum() == pytest.approx(1)
    # sum_k s_k net_k = 1
    assert (truth["shares_source"] * 2 ** truth["log2_net"]).sum() == pytest.approx(1)


def test_drawn_shares_scatter_around_the_truth_without_bias() -> None:
    errors = []
    for seed in range(10):
        truth = simulate.counts(n_cells=4000, n_genes=150, random_state=seed).uns["truth"]
        errors.append(truth["log2_net_sample"] - truth["log2_net"])
    # sd per data set about sqrt(2/5) 0.2 / ln 2 = 0.18, so of the mean of ten about 0.06
    assert np.abs(np.mean(errors, axis=0)).max() < 0.2


def test_gone_and_new_subpopulations() -> None:
    adata = simulate.counts(n_cells=1000, n_genes=200, gone="Zeta", new="Omega", new_share=0.2)
    cells = adata.obs.groupby(["condition", "cell_type"], observed=False).size()
    assert cells["treated", "Zeta"] == 0
    assert cells["control", "Zeta"] > 0
    assert cells["control", "Omega"] == 0
    assert cells["treated", "Omega"] > 30
    truth = adata.uns["truth"]
    log2_net = dict(zip(truth["names"], truth["log2_net"], strict=True))
    assert log2_net["Zeta"] == -np.inf
    assert log2_net["Omega"] == np.inf


def test_programme_rises_only_where_asked() -> None:
    adata = simulate.counts(shift={"Beta": 2.0}, random_state=2)
    genes = np.flatnonzero(adata.var["kind"] == "programme")
    part = adata.X[:, genes].sum(axis=1).A1 / adata.X.sum(axis=1).A1
    mean = {}
    for name in ("Beta", "Alpha"):
        own = (adata.obs["cell_type"] == name).to_numpy()
        treated = (adata.obs["condition"] == "treated").to_numpy()
        mean[name] = np.log2(part[own & treated].mean() / part[own & ~treated].mean())
    # the programme takes counts from the other genes, so its part grows by a little less than 4
    assert 1.6 < mean["Beta"] < 2.05
    assert abs(mean["Alpha"]) < 0.15


def test_conditions_may_be_numbers() -> None:
    adata = simulate.counts(n_cells=60, n_genes=120, n_donors=1, conditions=(0, 24))
    assert adata.obs["condition"].value_counts().to_dict() == {"0": 30, "24": 30}
    assert list(adata.obs["sample"].cat.categories) == ["0_D01", "24_D02"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"log2_change": {"Omicron": 1}}, "No subpopulation is called 'Omicron'"),
        ({"new": "Alpha"}, "already a subpopulation"),
        ({"new": "Omega", "new_share": 2}, "not a share"),
        ({"n_genes": 50}, "too small"),
        ({"shares": {"Alpha": -1, "Beta": 2}}, "not negative"),
        ({"n_cells": 6, "n_donors": 5}, "cannot be split"),
        ({"n_donors": 0}, "n_donors must be a whole number of at least 1"),
        ({"shares": {"T cell": 1, "Tcell": 1}}, "would share gene names"),
    ],
)
def test_impossible_requests_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        simulate.counts(**arguments)
