"""Expression is natural logarithms, in memory: other bases are converted, Dask arrays refused."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import cgmm as cg
from cgmm._anndata.expression import expression_of, refuse_unusable


def logs(base: float, *, declared: bool, subset: bool = False) -> tuple[ad.AnnData, np.ndarray]:
    """Logarithms of normalised counts, and the natural ones."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(2, (60, 80)) + 1.0
    natural = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    if subset:  # totals no longer tell the base
        natural = natural[:, :40]
    adata = ad.AnnData(sp.csr_matrix(natural / np.log(base)))
    if declared:
        adata.uns["log1p"] = {"base": base}
    return adata, natural


@pytest.mark.parametrize("base", [2.0, 10.0])
@pytest.mark.parametrize(("declared", "subset"), [(True, True), (True, False), (False, False)])
def test_the_base_is_honoured(base: float, declared: bool, subset: bool) -> None:
    adata, natural = logs(base, declared=declared, subset=subset)
    held = expression_of(adata, None, None)
    assert held is not None
    np.testing.assert_allclose(held.matrix.toarray(), natural, rtol=1e-6)
    assert held.unit == pytest.approx(np.log(base))


@pytest.mark.parametrize("base", [None, np.array([np.nan]), "e"])
def test_natural_logarithms_stay_as_they_are(base: object) -> None:
    adata, _ = logs(np.e, declared=False)
    adata.uns["log1p"] = {"base": base}
    held = expression_of(adata, None, None)
    assert held is not None
    assert held.matrix is adata.X
    assert held.unit == 1.0


def test_whole_numbers_of_cytometry_are_features_like_any_other() -> None:
    channels = np.random.default_rng(0).integers(0, 200, (20, 4)).astype(float)
    refuse_unusable(channels, natural_log=False)
    with pytest.raises(ValueError, match="only whole numbers"):
        refuse_unusable(channels, natural_log=True)


def test_a_dask_array_is_fitted_but_its_genes_are_refused(simulated: ad.AnnData) -> None:
    dask = pytest.importorskip("dask.array")
    plain = cg.tl.fit(
        simulated,
        condition_key="condition",
        source="control",
        target="treated",
        n_components=3,
        copy=True,
    )
    lazy = simulated.copy()
    lazy.X = dask.from_array(lazy.X.toarray(), chunks=(400, -1))
    cg.tl.fit(lazy, condition_key="condition", source="control", target="treated", n_components=3)
    np.testing.assert_array_equal(
        cg.get.factors(lazy)["log2_net"], cg.get.factors(plain)["log2_net"]
    )
    with pytest.raises(ValueError, match=r"X is needed, but it is a Dask array.*expression="):
        cg.tl.genes(lazy)


def test_principal_components_of_each_condition_by_itself_are_refused(
    simulated: ad.AnnData,
) -> None:
    for name in ("control", "treated"):
        own = (simulated.obs["condition"] == name).to_numpy()
        points = simulated.obsm["X_pca"]
        points[own] -= points[own].mean(axis=0)
    with pytest.raises(ValueError, match="mean zero in each of the two conditions"):
        cg.tl.fit(simulated, condition_key="condition", source="control", target="treated")
