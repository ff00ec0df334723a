"""Expression is found where it is, and refused where it cannot be used."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cgmm as cg
from cgmm._anndata.expression import (
    check_naming,
    check_usable,
    expression_of,
    gene_names,
    looks_like_counts,
    naming_expression,
)


def test_backed_objects_take_a_fit_and_say_where_x_is_needed(
    on_disk: ad.AnnData, simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(on_disk, fit, **call, donor_key="donor", name_by="cell_type")
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    assert on_disk.isbacked
    for frame in ("factors", "transfers", "arrivals", "shifts", "donors"):
        pd.testing.assert_frame_equal(
            getattr(cg.get, frame)(on_disk), getattr(cg.get, frame)(simulated)
        )
    np.testing.assert_array_equal(on_disk.obsm["cgmm_projected"], simulated.obsm["cgmm_projected"])
    for needs_x in (
        lambda: cg.tl.genes(on_disk),
        lambda: cg.get.projected(on_disk, genes=["ALPHA01"]),
        lambda: cg.tl.annotate(on_disk, fit, **call, use_rep="X"),
    ):
        with pytest.raises(ValueError, match=r"lies on disk .*to_memory\(\)"):
            needs_x()
    # expression in memory serves, and a layer is in memory already
    cg.tl.genes(on_disk, expression=simulated)
    cg.tl.genes(simulated)
    pd.testing.assert_frame_equal(cg.get.genes(on_disk), cg.get.genes(simulated))


def test_backed_objects_without_names_get_numbers(
    on_disk: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(on_disk, fit, **call)
    assert cg.get.params(on_disk)["named_by"] == "number"


def test_expression_is_in_the_order_of_the_cells(simulated: ad.AnnData) -> None:
    order = np.random.default_rng(0).permutation(simulated.n_obs)
    elsewhere = simulated[order].copy()
    cells = expression_of(simulated, elsewhere, None)
    assert cells is not None
    assert (cells.matrix != simulated.X).nnz == 0
    np.testing.assert_array_equal(order[cells.rows], np.arange(simulated.n_obs))
    counts = expression_of(simulated, None, "counts")
    assert counts is not None
    assert counts.matrix is simulated.layers["counts"]
    assert expression_of(ad.AnnData(obs=simulated.obs), None, None) is None


def test_counts_name_nothing(simulated: ad.AnnData) -> None:
    check_naming(simulated, "cell_type", None, "counts")
    assert naming_expression(simulated, None, "counts") is None
    assert naming_expression(simulated, None, None) is not None
    with pytest.raises(KeyError, match="name_by='kind' is not a column"):
        check_naming(simulated, "kind", None, None)


@pytest.mark.parametrize(
    ("value", "natural_log", "sentence"),
    [
        (np.nan, True, "NaN or infinite values"),
        (3.0, True, "only whole numbers"),
        (-0.5, True, "negative values"),
        (-0.5, False, None),
        (0.5, True, None),
    ],
)
def test_what_is_not_log_normalised_is_refused(
    value: float, natural_log: bool, sentence: str | None
) -> None:
    for matrix in (np.array([[value, 1.0]]), sp.csr_matrix([[value, 1.0]])):
        if sentence is None:
            check_usable(matrix, natural_log=natural_log)
            continue
        with pytest.raises(ValueError, match=sentence):
            check_usable(matrix, natural_log=natural_log)


def test_counts_are_whole_numbers_above_one() -> None:
    assert looks_like_counts(np.array([[0.0, 1.0, 7.0]]))
    assert not looks_like_counts(np.array([[0.0, 1.0, 1.0]]))
    assert not looks_like_counts(np.array([[0.0, 1.5, 7.0]]))
    assert not looks_like_counts(sp.csr_matrix((2, 3)))


def test_genes_have_the_names_of_a_column(simulated: ad.AnnData) -> None:
    simulated.var["symbol"] = [f"S{i}" for i in range(simulated.n_vars)]
    assert gene_names(simulated, "symbol")[0] == "S0"
    assert list(gene_names(simulated, None)) == list(simulated.var_names)
    with pytest.raises(KeyError, match="gene_symbols='name' is not a column of var"):
        gene_names(simulated, "name")


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
    check_usable(channels, natural_log=False)
    with pytest.raises(ValueError, match="only whole numbers"):
        check_usable(channels, natural_log=True)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_a_dask_array_is_read_chunk_by_chunk(simulated: ad.AnnData, kind: Callable) -> None:
    dask = pytest.importorskip("dask.array")
    call = {"condition_key": "condition", "source": "control", "target": "treated"}
    call |= {"donor_key": "donor", "n_components": 3}
    plain = cg.tl.fit(simulated, **call, copy=True)
    lazy = simulated.copy()
    lazy.X = dask.from_array(lazy.X.toarray(), chunks=(400, -1)).map_blocks(kind)
    counts = dask.from_array(lazy.layers["counts"].toarray(), chunks=(500, -1))
    lazy.layers["counts"] = counts.map_blocks(kind)
    cg.tl.fit(lazy, **call)
    np.testing.assert_array_equal(
        cg.get.factors(lazy)["log2_net"], cg.get.factors(plain)["log2_net"]
    )
    for adata in (plain, lazy):
        cg.tl.genes(adata)
    for table in (cg.get.genes, cg.get.markers, cg.get.gene_donors):
        pd.testing.assert_frame_equal(table(lazy), table(plain), rtol=1e-9)
    genes = list(simulated.var_names[:3])
    one, two = (cg.get.projected(adata, genes=genes) for adata in (plain, lazy))
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def test_principal_components_of_each_condition_by_itself_are_refused(
    simulated: ad.AnnData,
) -> None:
    for name in ("control", "treated"):
        own = (simulated.obs["condition"] == name).to_numpy()
        points = simulated.obsm["X_pca"]
        points[own] -= points[own].mean(axis=0)
    with pytest.raises(ValueError, match="mean zero in each of the two conditions"):
        cg.tl.fit(simulated, condition_key="condition", source="control", target="treated")
