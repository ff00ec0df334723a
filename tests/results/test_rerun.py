"""A recipe goes into a page and comes out as files; nothing else of a page has an effect."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgmm._utils.files import checksum
from cgmm.genes.marker_table import read_marker_table
from cgmm.rerun import extract, main
from cgmm.results.recipe import packages
from tests.results.conftest import NAMES, page_of, recipe_of


def test_a_recipe_comes_out_as_the_files_of_the_workflow(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    page = page_of(recipe, tmp_path)
    done = extract(page, tmp_path / "again")
    assert (done.n_checked, done.n_made) == (2, 1)
    config = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text(encoding="utf-8"))
    assert config["fit"] == {"rho": None, "random_state": 0}
    assert config["comparisons"] == [{"name": "drug", "source": NAMES[0], "target": NAMES[1]}]
    assert config["samples"] == "samples.tsv"
    with (tmp_path / "again" / "samples.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["sample"] for row in rows] == ["s0", "s1", "s2", "s3"]
    assert [row["condition"] for row in rows] == list(NAMES)
    assert rows[2]["path"] == "results/demo/x.h5ad"
    assert [Path(row["path"]) for row in rows[:2]] == [tmp_path / "a.h5ad", tmp_path / "b c.h5ad"]
    lines = (tmp_path / "again" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "not recorded" in lines[0]
    assert [line for line in lines if line[0] != "#"] == [
        f"{name}=={number}" for name, number in packages().items()
    ]


def test_cgmm_is_named_by_its_commit_and_required_under_no_name(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    """An older report lists the package under a name that is another project's on the registry."""
    recipe["packages"] |= {"cgmm": "0.1.0", "Coupled_GMM": "0.1.0"}
    recipe["git_commit"] = "0123abcd" * 5 + "+"
    done = extract(page_of(recipe, tmp_path), tmp_path / "again")
    text = (tmp_path / "again" / "requirements.txt").read_text(encoding="utf-8")
    assert f"commit {recipe['git_commit']} " in text.splitlines()[0]
    assert not [line for line in text.lower().splitlines() if line.startswith(("cgmm", "coupled"))]
    assert not [line for line in done.different if "0.1.0" in line]


def test_the_environment_of_a_recipe_leaves_out_this_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("cgmm-0.5.1", "coupled_gmm-0.1.0", "other-1.0"):
        info = tmp_path / f"{name}.dist-info"
        info.mkdir()
        title, number = name.split("-")
        (info / "METADATA").write_text(f"Name: {title}\nVersion: {number}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert packages() == {"other": "1.0"}


def test_a_marker_table_comes_out_as_it_was(recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe["markers"] = [["T cell", "CD3D", "+"], ["T cell", "MS4A1", "-"]]
    done = extract(page_of(recipe, tmp_path), tmp_path / "again")
    assert done.files[-1] == "markers.tsv"
    table = read_marker_table(tmp_path / "again" / "markers.tsv")
    assert table.rows == recipe["markers"]


def with_sets(folder: Path) -> Path:
    """A page whose recipe has a file of gene sets, which lies in the folder."""
    (folder / "sets.gmt").write_text("a\t\tCD3D\tCD3E\n", encoding="utf-8")
    digest = checksum(folder / "sets.gmt")
    recipe = recipe_of(folder, gene_sets={"path": "sets.gmt", "sha256": digest})
    return page_of(recipe, folder)


def test_gene_sets_are_found_checked_and_named_in_the_config(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    assert "gene_sets" not in recipe["config"]
    page = with_sets(tmp_path)
    assert extract(page, tmp_path / "again").n_checked == 3
    config = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text(encoding="utf-8"))
    assert config["gene_sets"] == str(tmp_path / "sets.gmt")
    (tmp_path / "sets.gmt").write_text("b\t\tCD3D\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"sets\.gmt is not the file that the report was made"):
        extract(page, tmp_path / "other")
    (tmp_path / "sets.gmt").unlink()
    with pytest.raises(ValueError, match=r"sets\.gmt is missing"):
        extract(page, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("odd", [[], {"path": "a"}, {"path": "a\nb", "sha256": "0"}, {"path": 1}])
def test_gene_sets_of_another_shape_are_refused(
    recipe: dict[str, Any], tmp_path: Path, odd: Any
) -> None:
    recipe["gene_sets"] = odd
    with pytest.raises(ValueError, match="its gene sets are not a path with a checksum"):
        extract(page_of(recipe, tmp_path), tmp_path / "again")


def test_data_that_moved_are_found_by_name(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    (tmp_path / "store").mkdir()
    for name in ("a.h5ad", "b c.h5ad"):
        (tmp_path / name).rename(tmp_path / "store" / name)
    with pytest.raises(ValueError, match=r"a\.h5ad is missing.*--data") as caught:
        extract(page, tmp_path / "again")
    assert "b c.h5ad is missing" in str(caught.value)
    assert not (tmp_path / "again").exists()
    assert extract(page, tmp_path / "again", data=tmp_path / "store").n_checked == 2


def test_another_file_is_named_and_nothing_is_written(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "b c.h5ad").write_bytes(b"other")
    page = page_of(recipe, tmp_path)
    with pytest.raises(ValueError, match=r"b c\.h5ad is not the file that the report was made"):
        extract(page, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_files_are_not_overwritten(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    (tmp_path / "samples.tsv").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"samples\.tsv exists and is not overwritten"):
        extract(page, tmp_path)
    assert (tmp_path / "samples.tsv").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "config.yaml").exists()


def test_what_differs_from_the_report_is_named(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    same = extract(page, tmp_path / "same", code=Path(__file__).parents[2])
    assert same.different == []
    recipe["packages"]["numpy"] = "1.0"
    recipe["code_sha256"] = "0"
    found = extract(page_of(recipe, tmp_path), tmp_path / "other").different
    assert len(found) == 2
    assert found[0].startswith("the code:")
    assert found[1] == f"numpy: 1.0 in the report, {packages()['numpy']} here"


def test_nothing_is_written_when_the_recipe_cannot_be_used(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe["format"] = 99
    with pytest.raises(ValueError, match=r"drug\.html cannot be used"):
        extract(page_of(recipe, tmp_path), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_config_cannot_choose_where_to_write_or_make_objects(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe["config"] |= {"samples": "/etc/passwd", "n_dims": "!!python/object/apply:os.getcwd []"}
    extract(page_of(recipe, tmp_path), tmp_path / "again")
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [
        "config.yaml",
        "requirements.txt",
        "samples.tsv",
    ]
    config = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text(encoding="utf-8"))
    assert config["samples"] == "samples.tsv"
    assert config["n_dims"] == "!!python/object/apply:os.getcwd []"


def test_the_command_prints_what_it_wrote_and_what_to_run(
    recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_of(recipe, tmp_path)
    assert main([str(page), "--to", "again"]) == 0
    said = capsys.readouterr().out
    assert "2 found, their checksums are right" in said
    assert "snakemake --directory again --configfile again/config.yaml" in said
    assert main([str(page), "--to", "again"]) == 1
    assert "Nothing was written. again/config.yaml exists" in capsys.readouterr().err
    assert main(["nowhere.html", "--to", "new"]) == 1
    assert "nowhere.html" in capsys.readouterr().err


def test_the_command_answers_a_missing_page_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cgmm.rerun", "nowhere.html", "--to", str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Nothing was written.")


def test_columns_of_the_design_come_back_with_the_sheet(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    for row, sex in zip(recipe["samples"], "fmfm", strict=True):
        row["sex"] = sex
    extract(page_of(recipe, tmp_path), tmp_path / "again")
    with (tmp_path / "again" / "samples.tsv").open(encoding="utf-8", newline="") as file:
        assert [row["sex"] for row in csv.DictReader(file, delimiter="\t")] == list("fmfm")
    recipe["samples"][0]["a\tb"] = "x"
    with pytest.raises(ValueError, match="a sample has the column"):
        extract(page_of(recipe, tmp_path), tmp_path / "other")
