"""Facts beside the tables: run times, commits, warnings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import anndata as ad
import pytest

from cgmm.results.annotate import usable_markers
from cgmm.results.facts import git_commit, marker_notices, runtimes


def test_run_times_are_those_of_the_rules_that_ran(tmp_path: Path) -> None:
    for rule, stem, text in (
        ("check", "data", "s\th:m:s\n1.5\t0:00:01\n"),
        ("fit", "drug", "s\th:m:s\n20\t0:00:20\n"),
        ("embed", "data", "s\th:m:s\n"),  # a job that was killed
        ("prepare", "other", "s\n9\n"),
    ):
        (tmp_path / rule).mkdir()
        (tmp_path / rule / f"{stem}.tsv").write_text(text, encoding="utf-8")
    assert runtimes(tmp_path, dataset="data", comparison="drug") == {"check": 1.5, "fit": 20.0}
    assert runtimes(tmp_path / "nowhere", dataset="data", comparison="drug") == {}


def test_a_marker_table_without_genes_of_the_data_is_not_used(
    fitted: ad.AnnData, tmp_path: Path
) -> None:
    path = tmp_path / "markers.tsv"
    gene = fitted.var_names[0]
    path.write_text(f"cell_type\tgene\nT\t{gene}\nT\tNOGENE\nB\tNEITHER\n")
    used = marker_notices(fitted, path)
    assert [notice["level"] for notice in used] == ["info", "info"]
    assert "NOGENE, NEITHER" in used[0]["text"]
    path.write_text("cell_type\tgene\nT\tNOGENE\n")
    (unused,) = marker_notices(fitted, path)
    assert unused["level"] == "warning"
    assert unused["text"].startswith("Marker genes name the subpopulations. None of the genes")
    assert usable_markers(fitted, path)[0] is None
    assert marker_notices(fitted, None) == []


def test_a_commit_says_whether_files_were_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None
    assert git_commit(tmp_path / "nowhere") is None

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    git("init", "--quiet")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "--no-verify", "-m", "first")
    commit = git_commit(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == commit + "+"
