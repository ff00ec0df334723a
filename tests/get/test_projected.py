"""Cells carried into the target: positions and expression."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg

PROGRAMME = [f"RESP{i:02d}" for i in range(1, 6)]


@pytest.fixture
def with_loadings(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> ad.AnnData:
    """The fitted six dimensions are combinations of the 150 most variable genes: those."""
    x = simulated.X.toarray()
    seen = np.sort(np.argsort(-x.var(axis=0))[:150])
    values = x[:, seen] - x[:, seen].mean(axis=0)
    # loadings that give exactly the scores that were fitted
    loadings = np.linalg.lstsq(values, simulated.obsm["X_pca"], rcond=None)[0]
    assert np.allclose(values @ loadings, simulated.obsm["X_pca"], atol=1e-6)
    table = np.zeros((simulated.n_vars, loadings.shape[1]))
    table[seen] = loadings
    simulated.varm["PCs"] = table
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    return simulated


def test_profiles_are_those_of_the_target(with_loadings: ad.AnnData) -> None:
    """A programme that is raised in Alpha alone among the large types is predicted there."""
    adata = with_loadings
    before_call = set(adata.layers), set(adata.uns["cgmm"])
    frame = cg.get.projected(adata, genes=PROGRAMME)
    condition = adata.obs["condition"].astype(str).to_numpy()
    kind = adata.obs["cell_type"].astype(str).to_numpy()
    assert list(frame.columns) == PROGRAMME
    assert list(frame.index) == list(adata.obs_names[condition == "control"])
    observed = adata[:, PROGRAMME].X.toarray()
    for name in ("Alpha", "Beta"):
        mine = kind[condition == "control"] == name
        before = observed[(condition == "control") & (kind == name)].mean()
        after = observed[(condition == "treated") & (kind == name)].mean()
        predicted = frame.to_numpy()[mine].mean()
        assert predicted == pytest.approx(after, abs=0.15 * max(abs(float(after - before)), 1.0))
    assert (set(adata.layers), set(adata.uns["cgmm"])) == before_call


def test_positions_and_profiles_agree(with_loadings: ad.AnnData) -> None:
    """Scores of the projected profile are the projected position, up to the centre."""
    adata = with_loadings
    seen = np.flatnonzero(adata.varm["PCs"].any(axis=1))
    frame = cg.get.projected(adata, genes=list(adata.var_names[seen]))
    rows = (adata.obs["condition"] == "control").to_numpy()
    loadings = adata.varm["PCs"][seen]
    own = adata.X[rows][:, seen].toarray()
    change = (frame.to_numpy() - own) @ np.linalg.pinv(loadings).T
    np.testing.assert_allclose(change, adata.obsm["cgmm_displacement"][rows], atol=1e-8)


def test_what_cannot_be_projected_is_said(with_loadings: ad.AnnData) -> None:
    adata = with_loadings
    with pytest.raises(KeyError, match="are not in var_names, such as 'NOGENE'"):
        cg.get.projected(adata, genes=["ALPHA01", "NOGENE"])
    blind = adata.var_names[~adata.varm["PCs"].any(axis=1)][0]
    with pytest.raises(ValueError, match=f"have no loadings .*{blind}"):
        cg.get.projected(adata, genes=blind)
    with pytest.raises(KeyError, match="'weights' is not in varm"):
        cg.get.projected(adata, genes="ALPHA01", loadings="weights")
    scaled = adata.copy()
    x = scaled.X.toarray()
    scaled.X = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-3)
    with pytest.raises(ValueError, match="probably scaled"):
        cg.get.projected(scaled, genes="ALPHA01")
    # the values that PCA saw may be elsewhere
    got = cg.get.projected(scaled, genes="ALPHA01", expression=adata)
    np.testing.assert_array_equal(got, cg.get.projected(adata, genes=["ALPHA01"]))
    turned = adata[:, ::-1].copy()
    del turned.varm["PCs"]
    with pytest.raises(KeyError, match="genes of the expression, in their order"):
        cg.get.projected(adata, genes="ALPHA01", expression=turned)
    adata.var_names = ["ALPHA02", *adata.var_names[1:]]
    with pytest.raises(ValueError, match="'ALPHA02' is more than once in var_names"):
        cg.get.projected(adata, genes=["GENE0001", "ALPHA02"])
    assert list(cg.get.projected(adata, genes="ALPHA03")) == ["ALPHA03"]
    del adata.obsm["cgmm_displacement"]
    with pytest.raises(KeyError, match="use the object that"):
        cg.get.projected(adata, genes="ALPHA01")


def test_features_that_were_fitted_need_no_loadings(couple) -> None:
    drawn = cg.simulate.points(n_components=3, n_dims=3, n_cells=400, separation=12, shift=2.0)
    panel = ad.AnnData(drawn.points, obs=drawn.to_anndata().obs)
    panel.var_names = ["CD3", "CD19", "CD14"]
    truth = drawn.truth
    fit = couple(
        *(
            cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
            for s in ("source", "target")
        )
    )
    call = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(panel, fit, **call, use_rep="X")
    got = cg.get.projected(panel, genes=["CD14", "CD3"])
    rows = (panel.obs["condition"] == "source").to_numpy()
    np.testing.assert_allclose(got, panel.obsm["cgmm_projected"][rows][:, [2, 0]])
