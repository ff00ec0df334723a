"""A fit from an object: bad input, and the truth of simulated and of real cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cgmm as cg


def broken(adata: ad.AnnData, how: str) -> tuple[ad.AnnData, dict]:
    call: dict = {}
    if how == "nan in representation":
        adata.obsm["X_pca"][3, 1] = np.nan
    elif how == "donor missing":
        donors = adata.obs["donor"].astype(object)
        donors.iloc[:4] = None
        adata.obs["donor"] = donors
        call["donor_key"] = "donor"
    elif how == "few cells":
        keep = (adata.obs["condition"] == "control").to_numpy(copy=True)
        keep[np.flatnonzero(~keep)[:20]] = True
        adata = adata[keep].copy()
    elif how == "text in representation":
        adata.obsm["X_words"] = np.full((adata.n_obs, 2), "a")
        call["use_rep"] = "X_words"
    return adata, call


@pytest.mark.parametrize(
    ("how", "change", "error", "sentence"),
    [
        ("", {"condition_key": "cond"}, KeyError, "condition_key='cond' is not a column of obs"),
        ("", {"source": "ctrl"}, ValueError, "'ctrl' is not a condition.*'control', 'treated'"),
        ("", {"target": "control"}, ValueError, "needs two different conditions"),
        ("", {"use_rep": "X_scVI"}, KeyError, "'X_scVI' is not in obsm; there are 'X_pca'"),
        ("", {"n_dims": 7}, ValueError, "must be a whole number from 1 to 6, got 7"),
        ("", {"donor_key": "mouse"}, KeyError, "donor_key='mouse' is not a column"),
        ("", {"name_by": "label"}, KeyError, "name_by='label' is not a column"),
        ("", {"layer": "logs"}, KeyError, "layer='logs' is not in layers; there are counts"),
        ("", {"key_added": "a/b"}, ValueError, "without '/'"),
        ("nan in representation", {}, ValueError, "NaN or infinite values in 1 cells"),
        ("donor missing", {}, ValueError, "missing in 4 cells"),
        ("few cells", {}, ValueError, "'treated' has 20 cells; a fit needs at least 50"),
        ("text in representation", {}, ValueError, "must be a table of numbers"),
    ],
)
def test_bad_input_is_refused_in_words_and_changes_nothing(
    simulated: ad.AnnData, call: dict, how: str, change: dict, error: type, sentence: str
) -> None:
    adata, more = broken(simulated, how)
    before = adata.copy()
    with pytest.raises(error, match=sentence):
        cg.tl.fit(adata, **{**call, **more, **change})
    assert list(adata.obs) == list(before.obs)
    assert set(adata.obsm) == set(before.obsm)
    assert set(adata.uns) == set(before.uns)


def test_only_an_anndata_is_taken(call: dict) -> None:
    with pytest.raises(TypeError, match="must be an AnnData"):
        cg.tl.fit(np.zeros((3, 2)), **call)


def test_the_truth_is_found_end_to_end(make_counts: Callable, call: dict) -> None:
    """Automatic fit of simulated counts: shares, factors and intervals against the truth."""
    adata = make_counts(n_cells=2400, n_genes=300, n_donors=5, random_state=3)
    cg.tl.fit(adata, **call, donor_key="donor", name_by="cell_type")
    cg.tl.genes(adata)
    truth = adata.uns["truth"]
    # several components may share a true type: add them up
    table = cg.get.factors(adata)
    parts = cg.get.components(adata)
    table["type"] = parts.loc[parts["side"] == "source", "cell_type"].to_numpy()
    sums = table.groupby("type")[["share_source", "share_target"]].sum()
    log2_net = np.log2(sums["share_target"] / sums["share_source"]).reindex(truth["names"])
    # against the drawn cells: what the fit can know
    assert np.abs(log2_net - truth["log2_net_sample"]).max() < 0.25
    # 95 % intervals hold the truth of the model, up to one of those that have an interval
    single = table[table["type"].map(table["type"].value_counts()) == 1].dropna(subset="p")
    true = pd.Series(truth["log2_net"], index=truth["names"])[single["type"]].to_numpy()
    inside = (single["ci_low"] <= true) & (true <= single["ci_high"])
    assert (~inside).sum() <= 1
    moved = cg.get.shifts(adata).sort_values("total_shift_sd")["source"].iloc[-1]
    assert moved.startswith("Alpha")


@pytest.mark.long
def test_interferon_moves_every_blood_cell_and_changes_few_shares(shared_data: Path) -> None:
    """Kang et al. 2018: state moves everywhere, most in monocytes; abundance is nearly flat."""
    path = shared_data / "kang_ifnb.h5ad"
    if not path.is_file():
        pytest.skip(f"needs {path.name}")
    adata = ad.read_h5ad(path)
    counts = sp.csr_matrix(adata.X)
    adata.X = sp.csr_matrix(sp.diags(1e4 / counts.sum(axis=1).A1) @ counts).log1p()
    x = adata.X.toarray()
    x = x[:, np.argsort(-x.var(axis=0))[:2000]]
    x = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x)
    adata.obsm["X_pca"] = x @ vectors[:, np.argsort(-values)[:20]]
    call = {"condition_key": "condition", "source": "ctrl", "target": "stim"}
    cg.tl.fit(adata, **call, donor_key="donor", name_by="cell_type_coarse")
    cg.tl.genes(adata)

    factors = cg.get.factors(adata)
    large = factors[factors["share_source"] > 0.05]
    assert (large["log2_net"].abs() < 1).all()
    leaders = {"ISG15", "IFI6", "IFIT1", "IFIT2", "IFIT3", "ISG20", "MX1", "LY6E"}
    genes = cg.get.genes(adata)
    first = genes[genes["rank"] <= 20].groupby("name")["gene"].agg(set)
    assert np.median([len(leaders & found) for found in first]) >= 6
    assert set(genes.loc[genes["gene"].isin(leaders), "scope"]) == {"common"}
    main = cg.get.shifts(adata).query("share_of_source > 0.5").set_index("source")
    big = main.loc[[n for n in large["name"] if n in main.index], "total_shift_sd"]
    assert big.idxmax().startswith("CD14 Mono")
