"""Cells of a comparison are annotated from the files of the workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils import h5ad
from cgmm._utils import rows as rows_module
from cgmm.results import annotate
from cgmm.results.annotate import add_uncertainty, read_values


@pytest.fixture
def prepared(simulated: ad.AnnData, tmp_path: Path) -> Path:
    path = tmp_path / "prepared.h5ad"
    h5ad.write_h5ad(simulated, path)
    return path


def annotated(
    simulated: ad.AnnData, fit: cg.CoupledFit, values: ad.AnnData, *, test_genes: bool
) -> ad.AnnData:
    return annotate.annotate(
        simulated,
        values,
        fit,
        source="control",
        target="treated",
        facts={"use_rep": "X_pca", "n_dims": 6},
        test_genes=test_genes,
    )


def test_counts_are_read_only_when_they_are_needed(prepared: Path) -> None:
    without, counts = (read_values(prepared, counts=c) for c in (False, True))
    assert list(without.layers) != ["counts"]
    matrix = counts.layers["counts"].data
    np.testing.assert_array_equal(matrix, np.rint(matrix))


def test_genes_are_tested_and_counts_are_not_written_again(
    simulated: ad.AnnData, fit: cg.CoupledFit, prepared: Path
) -> None:
    values = read_values(prepared, counts=True)
    adata = annotated(simulated, fit, values, test_genes=True)
    assert "counts" not in adata.layers
    assert cg.get.genes(adata)["de_q"].notna().any()


def test_values_of_a_file_that_was_made_lazily_stay_on_disk(
    simulated: ad.AnnData, fit: cg.CoupledFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask")
    monkeypatch.setattr(rows_module, "BLOCK_VALUES", 100_000)
    found, rows = [], np.arange(simulated.n_obs) % 7 > 0
    for scale in ("memory", "lazy"):
        simulated.uns["scale"] = scale
        h5ad.write_h5ad(simulated, tmp_path / "prepared.h5ad")
        values = read_values(tmp_path / "prepared.h5ad", counts=True)
        assert hasattr(values.X, "dask") is (scale == "lazy")
        adata = annotated(simulated, fit, values, test_genes=True)
        h5ad.write_h5ad(adata, tmp_path / f"{scale}.h5ad")
        found.append((cg.get.genes(adata), ad.read_h5ad(tmp_path / f"{scale}.h5ad").X))
        some = read_values(tmp_path / "prepared.h5ad", rows=rows).X
        found[-1] += (some.compute() if scale == "lazy" else some,)
    (genes, x, some), (genes_on_disk, x_on_disk, some_on_disk) = found
    pd.testing.assert_frame_equal(genes, genes_on_disk, rtol=1e-9)
    assert (x != x_on_disk).nnz == 0
    assert (some != some_on_disk).nnz == 0


def with_batches(
    adata: ad.AnnData, monkeypatch: pytest.MonkeyPatch, batches: list[str], **columns: str
) -> dict[str, Any]:
    """Add columns to the samples; return what tl.donors is asked for."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(cg.tl, "donors", lambda adata, **options: asked.update(options))
    donors = adata.obs["donor"].astype(str)
    place = {donor: batches[i % len(batches)] for i, donor in enumerate(sorted(set(donors)))}
    adata.obs["batch"] = donors.map(place)
    for name, value in columns.items():
        adata.obs[name] = value
    add_uncertainty(adata, n_bootstrap=7, n_permutations=5)
    return asked


def test_batches_within_conditions_and_confounders_reach_the_test(
    simulated: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = with_batches(simulated, monkeypatch, ["x", "y"], Sex="f", colour="red")
    assert asked == {"batch_key": "batch", "confounders": ["Sex"], "n_permutations": 5}


def test_the_condition_is_no_confounder_of_itself(
    simulated: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = with_batches(simulated, monkeypatch, ["x"], sex=simulated.obs["condition"], site="a")
    assert asked["confounders"] == ["site"]


def test_one_batch_is_no_batch(simulated: ad.AnnData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = with_batches(simulated, monkeypatch, ["x"])
    assert asked == {"batch_key": None, "confounders": [], "n_permutations": 5}


def test_a_batch_that_is_the_condition_is_reported_as_a_covariate(
    simulated: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = with_batches(simulated, monkeypatch, ["x"] * 4 + ["y"] * 4)
    assert asked["batch_key"] is None
    assert asked["confounders"] == ["batch"]


def test_the_sheet_gives_columns_and_several_samples_of_a_donor_are_replicates(
    simulated: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(cg.tl, "donors", lambda adata, **options: asked.update(options))
    obs = simulated.obs
    rows = [
        {"sample": str(s), "path": "x", "condition": "y", "donor": "z", "age": str(30 + i)}
        for i, s in enumerate(sorted(set(obs["sample"])))
    ]
    annotate._add_columns(obs, [*rows[1:], rows[0] | {"age": ""}])
    missing = obs["sample"].astype(str) == rows[0]["sample"]
    assert obs.loc[missing, "age"].isna().all()
    assert set(obs.loc[~missing, "age"]) == {row["age"] for row in rows[1:]}
    add_uncertainty(simulated, design="~ condition + sex")
    assert "sample_key" not in asked
    obs["sample"] = obs["sample"].astype(str) + np.where(np.arange(len(obs)) % 2, "a", "b")
    add_uncertainty(simulated, technical_replicates=True)
    assert "sample_key" not in asked
    add_uncertainty(simulated)
    assert asked["sample_key"] == "sample"
