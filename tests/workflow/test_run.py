"""One real run on tiny data; then what runs again, and when."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from cgmm.tables import TABLES
from tests.workflow.conftest import Project, copy_code, rows_of

# the shared run is made by the first test that wants it
pytestmark = pytest.mark.timeout(1200)

AFTER_FIT = {"fit", "summarise", "report", "index"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_file: Path) -> Project:
    base = tmp_path_factory.mktemp("run")
    code = copy_code(base / "code")
    folder = base / "a lab"
    folder.mkdir()
    own = folder / "all samples.h5ad"
    shutil.copy(tiny_file, own)
    project = Project(folder, code, rows=rows_of(own))
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "console.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return project


def test_console_shows_progress_and_reports(finished: Project) -> None:
    text = (finished.folder / "console.txt").read_text(encoding="utf-8")
    assert "1 comparisons (drug), 6 samples" in text
    assert "(100%) done" in text
    assert "[check data] 6 samples, 600 cells, 140 genes" in text
    assert str(finished.folder / "reports" / "index.html") in text
    assert str(finished.folder / "reports" / "drug.html") in text


def test_snakemakes_own_report_has_pages_and_tables(finished: Project) -> None:
    own = finished.folder / "own.zip"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(finished.code / "Snakefile")]
    command += ["--directory", str(finished.folder), "--report", str(own)]
    command += ["--configfile", str(finished.folder / "lab.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(own) as archive:
        held = {Path(n).name for n in archive.namelist()}
        page = next(n for n in archive.namelist() if n.endswith("report.html"))
        text = archive.read(page).decode("utf-8")
    assert {"drug.html", "index.html", *(f"{t}.tsv" for t in TABLES)} <= held
    for words in ("Comparisons", "Overview", "Tables", "net factors", "no cell is followed"):
        assert words in text, words


def test_every_file_is_there(finished: Project) -> None:
    results = finished.folder / "results"
    for name in ("check.json", "prepared.h5ad", "qc.json", "embedding.h5ad"):
        assert (results / "data" / name).stat().st_size > 100
    for name in ("fit.npz", "fit.json", "report.json", "cells.tsv.gz", "annotated.h5ad"):
        assert (results / "drug" / name).stat().st_size > 100
    for name in ("drug.html", "index.html"):
        assert (finished.folder / "reports" / name).read_text(encoding="utf-8").startswith("<!")
    left = [p for p in finished.folder.rglob("*.part*") if ".snakemake" not in p.parts]
    assert not left
    for rule in ("check", "prepare", "embed", "fit", "summarise", "report"):
        assert list((finished.folder / "logs" / rule).glob("*.log"))
        assert list((finished.folder / "logs" / "benchmarks" / rule).glob("*.tsv"))


def test_prepared_and_embedding_keep_their_contract(finished: Project) -> None:
    data = finished.folder / "results" / "data"
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
    assert embedding.obsm["X_umap"].shape == (600, 2)
    with h5py.File(data / "prepared.h5ad") as file:  # readable by older anndata and by R
        assert file["obs/_index"].attrs["encoding-type"] == "string-array"


def test_tables_agree_with_each_other_and_the_object(finished: Project) -> None:
    folder = finished.folder / "results" / "drug"
    tables = {
        name: pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])
        for name in TABLES
    }
    factors, transfers = tables["factors"], tables["transfers"]
    assert len(factors) == len(tables["arrivals"]) == 3
    assert transfers["mass"].sum() == pytest.approx(1, abs=1e-4)
    assert (factors["share_source"] * 2 ** factors["log2_net"]).sum() == pytest.approx(1, abs=1e-3)
    assert set(tables["donors"]["donor"]) == {"D01", "D02", "D03"}
    adata = ad.read_h5ad(folder / "annotated.h5ad")
    with gzip.open(folder / "cells.tsv.gz", "rt", encoding="utf-8") as file:
        cells = pd.read_csv(file, sep="\t", dtype={"component": str})
    assert len(cells) == adata.n_obs == 600
    assert list(cells["component"]) == list(adata.obs["cgmm_component"].astype(str))
    assert list(cells["condition"].unique()) == ["before drug", "after/drug"]
    assert {"UMAP1", "UMAP2", "PC1", "log2_net_factor", "shift"} <= set(cells)
    assert adata.obsm["cgmm_displacement"].shape == (600, 4)
    assert adata.X is not None


def test_report_json_tells_where_everything_comes_from(finished: Project) -> None:
    content = json.loads(
        (finished.folder / "results" / "drug" / "report.json").read_text(encoding="utf-8")
    )
    assert content["source"] == "before drug"
    assert content["target"] == "after/drug"
    assert content["dataset"] == "data"
    assert content["n_cells"] == {"source": 300, "target": 300}
    assert [s["n_cells_kept"] for s in content["samples"]] == [100] * 6
    assert len({s["sha256"] for s in content["samples"]}) == 1
    assert content["config"]["n_dims"] == 4
    assert content["parameters"]["random_state"] == 1
    assert np.shape(content["components"]["source"]["covariances"]) == (3, 4, 4)
    assert content["versions"]["scanpy"]
    assert content["versions"]["snakemake"]
    assert set(content["runtime"]) == {"check", "prepare", "embed", "fit"}
    assert "snakemake" in content["command"]
    assert content["truth"]["names"][0] == "Alpha"


def test_second_run_does_nothing_and_says_so(finished: Project) -> None:
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def edited(path: Path, old: str = "", new: str = "\n\n_EDITED = 1\n") -> str:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    return text


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("cgmm/report/build.py", {"report", "index"}),
        ("cgmm/report/static/report.css", {"report", "index"}),
        ("cgmm/results/write.py", {"summarise", "report", "index"}),
        ("cgmm/coupled/fit.py", AFTER_FIT),
        ("cgmm/pp/_embed.py", {"embed"} | AFTER_FIT),
        ("cgmm/pp/_prepare.py", {"prepare", "embed"} | AFTER_FIT),
        ("cgmm/pp/_sample_checks.py", {"check", "prepare", "embed"} | AFTER_FIT),
        ("cgmm/simulate/_counts.py", set()),
        ("cgmm/pl/__init__.py", set()),
    ],
)
def test_editing_code_runs_again_what_depends_on_it(
    finished: Project, file: str, rules: set[str]
) -> None:
    path = finished.code / file
    before = edited(path)
    try:
        assert finished.planned() == rules
    finally:
        path.write_text(before, encoding="utf-8")


def test_comments_and_layout_do_not_count(finished: Project) -> None:
    path = finished.code / "cgmm" / "coupled" / "fit.py"
    before = edited(path, new="\n# a remark\n\n\n")
    try:
        assert finished.planned() == set()
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "rules"),
    [
        (("fit", "rho"), 3.0, AFTER_FIT),
        (("fit", "random_state"), 2, {"embed"} | AFTER_FIT),
        (("n_dims",), 3, {"embed"} | AFTER_FIT),
        (("qc", "min_genes"), 12, {"prepare", "embed"} | AFTER_FIT),
        (("annotation_key",), "cell_type", {"check_annotation", "summarise", "report", "index"}),
        (("markers",), "lab.yaml", {"check_markers", "summarise", "report", "index"}),
        (("test_genes",), True, {"summarise", "report", "index"}),
        (("comparisons", 0, "title"), "New", {"summarise", "report", "index"}),
    ],
)
def test_changing_a_setting_runs_again_what_depends_on_it(
    finished: Project, keys: tuple, value: object, rules: set[str]
) -> None:
    place = finished.settings
    for key in keys[:-1]:
        place = place[key]
    absent = object()
    before = place.get(keys[-1], absent)
    place[keys[-1]] = value
    try:
        assert finished.planned() == rules
    finally:
        if before is absent:
            del place[keys[-1]]
        else:
            place[keys[-1]] = before
        finished.write()


def test_a_new_sample_or_newer_file_runs_everything(finished: Project) -> None:
    path = Path(finished.rows[0]["path"])
    everything = {"check", "prepare", "embed"} | AFTER_FIT
    row = finished.rows.pop()
    assert finished.planned() == everything
    finished.rows.append(row)
    assert finished.planned() == set()
    before = path.stat()
    os.utime(path, (time.time() + 5, time.time() + 5))
    try:
        assert finished.planned() <= everything
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


SCATTERED = ("fit", "summarise", "report")


def other_project(finished: Project, own: list[dict[str, str]]) -> Project:
    """The finished project as somebody changed it: its rows may be edited."""
    settings = {**finished.settings, "comparisons": [*finished.settings["comparisons"]]}
    return Project(finished.folder, finished.code, settings, [*finished.rows, *own])


def second_dataset(finished: Project) -> list[dict[str, str]]:
    return [row | {"sample": f"2{row['sample']}", "dataset": "new"} for row in finished.rows]


@pytest.mark.parametrize("annotation", [None, "cell_type"])
def test_a_new_comparison_runs_itself_only(finished: Project, annotation: str | None) -> None:
    project = other_project(finished, [])
    project.settings["comparisons"] += [
        {"name": name, "source": "after/drug", "target": "before drug"} for name in ("back", "b2")
    ]
    if annotation:
        project.settings["comparisons"][-1]["annotation_key"] = annotation
    expected = (
        dict.fromkeys(SCATTERED, 2) | {"index": 1} | ({"check_annotation": 1} if annotation else {})
    )
    try:
        assert project.jobs() == expected
    finally:
        finished.write()


def test_a_new_dataset_leaves_the_others_alone(finished: Project) -> None:
    project = other_project(finished, second_dataset(finished))
    project.settings["comparisons"][0]["dataset"] = "data"
    project.settings["comparisons"].append(
        {"name": "new", "source": "before drug", "target": "after/drug", "dataset": "new"}
    )
    try:
        assert project.jobs() == dict.fromkeys(
            ("check", "prepare", "embed", *SCATTERED, "index"), 1
        )
    finally:
        del project.settings["comparisons"][0]["dataset"]
        finished.write()


def test_a_new_sample_runs_its_dataset_only(finished: Project) -> None:
    """Cells of a dataset share one space, so all of it is new; other datasets stay."""
    project = other_project(finished, second_dataset(finished)[:-1])
    project.settings["comparisons"] = [
        {"name": name, "source": "before drug", "target": "after/drug", "dataset": dataset}
        for name, dataset in (("drug", "data"), ("new", "new"))
    ]
    try:
        done = project.run("--until", "check")
        assert done.returncode == 0, done.stdout + done.stderr
        project.rows.append(second_dataset(finished)[-1])
        jobs = project.jobs()
    finally:
        shutil.rmtree(finished.folder / "results" / "new")
        finished.write()
    assert jobs == dict.fromkeys(("check", "prepare", "embed", *SCATTERED, "index"), 1)


def test_batches_of_the_reports(finished: Project) -> None:
    """``--batch reports=i/n`` runs every comparison in one of the batches, and in no other."""
    project = other_project(finished, [])
    names = [f"c{i}" for i in range(6)]
    project.settings["comparisons"] = [
        {"name": name, "source": "after/drug", "target": "before drug"} for name in names
    ]
    try:
        # the last batch is planned only when all others are done
        batches = [project.jobs("--batch", f"reports={i}/3", "reports") for i in (1, 2)]
    finally:
        finished.write()
    for batch in batches:
        batch.pop("reports", None)
        assert batch == dict.fromkeys(SCATTERED, 2)


def test_a_missing_file_is_said_although_results_exist(finished: Project) -> None:
    path = Path(finished.rows[0]["path"])
    away = path.with_name("away")
    path.rename(away)
    try:
        done = finished.run()
    finally:
        away.rename(path)
    assert done.returncode != 0
    assert "does not exist" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
