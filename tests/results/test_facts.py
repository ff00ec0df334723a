"""Facts beside the tables: run times, commits, warnings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.results.annotate import usable_markers
from cgmm.results.facts import annotation_notices, git_commit, marker_notices
from cgmm.results.runtimes import runtimes
from cgmm.results.write import frame_of
from cgmm.tables import TABLES


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


def one_condition(adata: ad.AnnData) -> pd.Series:
    return adata.obs["cell_type"].where(adata.obs["condition"] == "control")


def two_thirds(adata: ad.AnnData) -> pd.Series:
    return adata.obs["cell_type"].where(np.arange(adata.n_obs) % 3 > 0)


def one_donor(adata: ad.AnnData) -> pd.Series:
    labels = adata.obs["cell_type"].astype(object)
    return labels.mask(adata.obs["donor"] == adata.obs["donor"].iloc[0], "rare")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (one_condition, "No cell of the target 'treated' has a label in 'label'"),
        (two_thirds, "33% of the cells of control and 33% of those of treated have no label"),
        (one_donor, "Seen in only 1 donor"),
    ],
)
def test_a_poor_annotation_is_a_sentence_and_all_tables_stand(
    populated: ad.AnnData, labels: Callable[[ad.AnnData], pd.Series], says: str
) -> None:
    call = {"condition_key": "condition", "source": "control", "target": "treated"}
    populated.obs["label"] = labels(populated)
    cg.tl.annotate(populated, cg.get.fit(populated), **call, donor_key="donor", name_by="label")
    cg.tl.genes(populated)
    tables = {name: frame_of(populated, name) for name in TABLES if name != "donor_shifts"}
    said = [notice["text"] for notice in annotation_notices(populated)]
    assert says in " ".join([*said, *tables["populations"]["reason"]])
    for name in ("factors", "arrivals", "shifts", "genes", "components", "donors", "populations"):
        assert len(tables[name]), name
    assert tables["factors"]["log2_net"].notna().all()


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
