"""Expression is found where it is, and refused where it cannot be used."""

from __future__ import annotations

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
