"""One real run on tiny data: what it says, and what it leaves."""

from __future__ import annotations

import gzip
import json
import subprocess
import zipfile
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from cgmm.tables import TABLES
from tests.workflow.conftest import Project, copy_of

# the shared run is made by the first test that wants it
pytestmark = pytest.mark.timeout(1200)


def test_console_shows_progress_and_reports(tiny_project: Project) -> None:
    folder = tiny_project.folder
    text = (folder / "console.txt").read_text(encoding="utf-8")
    assert "1 comparison (drug), 6 samples" in text
    assert "(100%) done" in text
    assert "[check data] 6 samples, 600 cells, 140 genes" in text
    assert str(folder / "reports" / "index.html") in text
    assert str(folder / "reports" / "drug.html") in text


def test_snakemakes_own_report_has_pages_and_tables(tiny_project: Project, tmp_path: Path) -> None:
    project = copy_of(tiny_project, tmp_path / "a lab")
    own = tmp_path / "own.zip"
    command = project.command("--report", str(own))
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(own) as archive:
        held = {Path(n).name for n in archive.namelist()}
        page = next(n for n in archive.namelist() if n.endswith("report.html"))
        text = archive.read(page).decode("utf-8")
    assert {"drug.html", "index.html", *(f"{t}.tsv" for t in TABLES)} <= held
    for words in ("Comparisons", "Overview", "Tables", "net factors", "no cell is followed"):
        assert words in text, words


def test_every_file_is_there(tiny_project: Project) -> None:
    results = tiny_project.folder / "results"
    for name in ("check.json", "prepared.h5ad", "qc.json", "embedding.h5ad", "map.h5ad"):
        assert (results / "data" / name).stat().st_size > 100
    for name in ("fit.npz", "fit.json", "report.json", "cells.tsv.gz", "annotated.h5ad"):
        assert (results / "drug" / name).stat().st_size > 100
    for name in ("drug.html", "index.html"):
        assert (tiny_project.folder / "reports" / name).read_text(encoding="utf-8").startswith("<!")
    left = [p for p in tiny_project.folder.rglob("*.part*") if ".snakemake" not in p.parts]
    assert not left
    for rule in ("check", "prepare", "embed", "map", "fit", "summarise", "report"):
        assert list((tiny_project.folder / "logs" / rule).glob("*.log"))
        assert list((tiny_project.folder / "logs" / "benchmarks" / rule).glob("*.tsv"))


def test_prepared_and_embedding_keep_their_contract(tiny_project: Project) -> None:
    data = tiny_project.folder / "results" / "data"
    prepared = ad.read_h5ad(data / "prepared.h5ad")
    embedding = ad.read_h5ad(data / "embedding.h5ad")
    raw = prepared.layers["counts"].toarray()
    assert np.array_equal(raw, np.floor(raw))
    expected = np.log1p(raw / raw.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(prepared.X.toarray(), expected, rtol=1e-4, atol=1e-4)
    assert {"sample", "condition", "donor", "barcode"} <= set(prepared.obs)
    assert embedding.X is None
    assert list(embedding.obs_names) == list(prepared.obs_names)
    assert embedding.obsm["X_pca"].shape == (600, 6)
    assert embedding.varm["PCs"].shape == (prepared.n_vars, 6)
    places = ad.read_h5ad(data / "map.h5ad")
    assert places.obsm["X_umap"].shape == (600, 2)
    annotated = ad.read_h5ad(tiny_project.folder / "results" / "drug" / "annotated.h5ad")
    on_map = places[annotated.obs_names].obsm["X_umap"]
    np.testing.assert_array_equal(annotated.obsm["X_umap"], on_map)
    with h5py.File(data / "prepared.h5ad") as file:  # readable by older anndata and by R
        assert file["obs/_index"].attrs["encoding-type"] == "string-array"


def test_tables_agree_with_each_other_and_the_object(tiny_project: Project) -> None:
    folder = tiny_project.folder / "results" / "drug"
    tables = {
        name: pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])
        for name in TABLES
    }
    factors, transfers = tables["factors"], tables["transfers"]
    facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    n_populations = len(facts["components"]["source"]["weights"])
    assert len(factors) == len(tables["arrivals"]) == n_populations >= 3
    assert transfers["mass"].sum() == pytest.approx(1, abs=1e-4)
    assert factors["n_cells"].sum() == factors["n_cells_target"].sum() == 300
    # shares of a typical donor; without pairs and batches their ratio is the factor
    ratio = np.log2(factors["share_target"] / factors["share_source"])
    np.testing.assert_allclose(factors["log2_net"], ratio, atol=1e-4)
    assert set(tables["donors"]["donor"]) == {"D01", "D02", "D03"}
    adata = ad.read_h5ad(folder / "annotated.h5ad")
    with gzip.open(folder / "cells.tsv.gz", "rt", encoding="utf-8") as file:
        cells = pd.read_csv(file, sep="\t")
    assert len(cells) == adata.n_obs == 600
    assert list(cells["population"]) == list(adata.obs["cgmm_population"].astype(str))
    assert list(cells["condition"].unique()) == ["before drug", "after/drug"]
    assert {"UMAP1", "UMAP2", "PC1", "log2_net_factor", "shift"} <= set(cells)
    assert adata.obsm["cgmm_displacement"].shape == (600, 4)
    assert adata.X is not None


def test_report_json_tells_where_everything_comes_from(tiny_project: Project) -> None:
    content = json.loads(
        (tiny_project.folder / "results" / "drug" / "report.json").read_text(encoding="utf-8")
    )
    assert content["source"] == "before drug"
    assert content["target"] == "after/drug"
    assert content["dataset"] == "data"
    assert content["n_cells"] == {"source": 300, "target": 300}
    assert [s["n_cells_kept"] for s in content["samples"]] == [100] * 6
    assert len({s["sha256"] for s in content["samples"]}) == 1
    assert content["config"]["n_dims"] == 4
    assert content["parameters"]["random_state"] == 1
    assert np.shape(content["components"]["source"]["covariances"])[1:] == (4, 4)
    assert content["versions"]["scanpy"]
    assert content["versions"]["snakemake"]
    assert "snakemake" in content["command"]
    assert content["truth"]["names"][0] == "Alpha"
