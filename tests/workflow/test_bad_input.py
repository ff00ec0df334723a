"""Mistakes of users: stopped early, said in sentences, nothing half-made left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from cgmm._utils.h5ad import write_h5ad
from tests.workflow.conftest import Project


def console(project: Project, *arguments: str) -> str:
    done = project.run(*arguments)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert "Traceback" not in text
    return text


def outputs(project: Project) -> list[Path]:
    return [
        p for name in ("results", "reports") for p in project.folder.joinpath(name).rglob("*.*")
    ]


def own_copy(project: Project) -> Path:
    """Give the last sample a file of its own that may be changed."""
    path = project.folder / "own.h5ad"
    row = project.rows[-1]
    adata = ad.read_h5ad(row["path"])
    write_h5ad(adata[adata.obs["sample"] == row["obs_value"]].copy(), path)
    row["path"] = str(path)
    return path


def change(path: Path, function: Callable[[ad.AnnData], ad.AnnData | None]) -> None:
    adata = ad.read_h5ad(path)
    write_h5ad(function(adata) or adata, path)


def test_settings_are_refused_before_anything_runs(project: Project) -> None:
    project.settings["n_component"] = 3
    text = console(project)
    assert "Nothing was run. Please correct:" in text
    assert "unknown key `n_component`" in text
    assert not outputs(project)


def test_a_config_in_another_encoding_is_refused(project: Project) -> None:
    config = project.folder / "config" / "config.yaml"
    config.parent.mkdir()
    config.write_bytes("samples: Müller.tsv\n".encode("latin-1"))
    assert "config/config.yaml: not a text file in UTF-8" in console(project)
    assert not outputs(project)


def test_missing_file_is_refused_before_anything_runs(project: Project) -> None:
    project.rows[0]["path"] = "nowhere.h5ad"
    assert "sample b1: the file nowhere.h5ad does not exist" in console(project)
    assert not outputs(project)


def test_missing_config_file(project: Project) -> None:
    project.write()
    (project.folder / "lab.yaml").unlink()
    done = project.run(write=False)
    assert done.returncode != 0
    assert "lab.yaml" in done.stdout + done.stderr
    assert not outputs(project)


def log_values(path: Path) -> None:
    def take_logs(adata: ad.AnnData) -> None:
        adata.X = adata.X.log1p()

    change(path, take_logs)


def ensembl_ids(path: Path) -> None:
    def rename(adata: ad.AnnData) -> None:
        adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]

    change(path, rename)


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (log_values, "they look like logarithms"),
        (ensembl_ids, "One uses Ensembl ids, the other gene symbols"),
        (damage, "It may be damaged"),
    ],
)
def test_files_are_refused_by_the_check(
    project: Project, spoil: Callable[[Path], None], words: str
) -> None:
    path = own_copy(project)
    spoil(path)
    text = console(project)
    last = text.split("cgmm: stopped.")[1]
    assert words in last
    assert str(path) in last
    assert not outputs(project)


def test_a_sample_that_quality_control_empties(project: Project) -> None:
    path = own_copy(project)

    def thin(adata: ad.AnnData) -> None:
        adata.X = adata.X.multiply(np.arange(adata.n_vars) < 5).tocsr()

    change(path, thin)
    text = console(project)
    said = text.split("cgmm: stopped.")[1]
    assert "No cell of a3 passes quality control: the median cell of a3 has" in said
    assert {p.name for p in outputs(project)} == {"check.json"}
