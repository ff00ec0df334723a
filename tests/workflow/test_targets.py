"""Several targets: what the config becomes, and one real run from cells to the common report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils.h5ad import write_h5ad
from cgmm.report.targets import make_target_claims
from cgmm.results.read_targets import read_target_results
from cgmm.results.recipe import read_recipe
from cgmm.simulate import counts
from cgmm.tables import OF_TARGETS
from tests.workflow.conftest import ROOT, SETTINGS, Once, Project
from workflow.config import load
from workflow.targets import expanded_targets, member_names

CONDITIONS = ("vehicle", "low dose", "high/IC50")
MEMBERS = ["dose.low-dose", "dose.high-IC50"]


def test_names_of_members_are_names_of_files() -> None:
    assert member_names("dose", list(CONDITIONS[1:])) == MEMBERS
    assert member_names("a", ["1 µM", "1 mM", "μ", "1-M"]) == ["a.1-M", "a.1-mM", "a.3", "a.1-M-4"]
    assert len(set(map(str.lower, member_names("a", ["X" * 90, "x" * 90])))) == 2


def entry(**keys: Any) -> dict[str, Any]:
    return {
        "name": "dose",
        "source": "vehicle",
        "target": None,
        "targets": list(CONDITIONS[1:]),
        "title": None,
        "order": None,
        "all_pairs": False,
        "scores": None,
        "dataset": "data",
    } | keys


def test_each_target_becomes_a_comparison_that_shares_the_first_source() -> None:
    single, families = expanded_targets(
        [entry(title="Doses"), entry(name="x", target="low dose", targets=None)]
    )
    assert [one["name"] for one in single] == [*MEMBERS, "x"]
    assert [one["first"] for one in single] == [None, MEMBERS[0], None]
    assert [one["family"] for one in single] == ["dose", "dose", None]
    assert [one["target"] for one in single] == ["low dose", "high/IC50", "low dose"]
    assert single[1]["title"] == "Doses: high/IC50"
    assert [family["members"] for family in families] == [MEMBERS]


@pytest.fixture(scope="session")
def dose_file(once: Once) -> Path:
    """Four donors in a vehicle and two doses; Beta grows with the dose."""

    def make(folder: Path) -> None:
        parts = []
        for i, change in enumerate(({"Beta": 1.0}, {"Beta": 2.0})):
            names = (CONDITIONS[0], CONDITIONS[i + 1])
            one = counts(
                n_cells=960,
                n_genes=140,
                n_donors=4,
                conditions=names,
                log2_change=change,
                shift={"Alpha": 1.0 + i},
                donor_share_sd=0.1,
                paired=True,
                random_state=i,
            )
            one.uns.clear()
            kept = one if i == 0 else one[(one.obs["condition"] == names[1]).to_numpy()]
            kept.obs_names = [f"{i} {name}" for name in kept.obs_names]
            parts.append(kept)
        write_h5ad(ad.concat(parts), folder / "doses.h5ad")

    return once("doses", make) / "doses.h5ad"


def rows_of_doses(path: str) -> list[dict[str, str]]:
    return [
        {
            "sample": f"s{c}{donor}",
            "path": path,
            "condition": condition,
            "donor": f"D{donor:02d}",
            "obs_column": "sample",
            "obs_value": f"{condition}_D{donor:02d}",
            "dose": str(10 * c),
        }
        for c, condition in enumerate(CONDITIONS)
        for donor in (1, 2, 3, 4)
    ]


def settings(**keys: Any) -> dict[str, Any]:
    one = {
        "name": "dose",
        "source": "vehicle",
        "targets": list(CONDITIONS[1:]),
        "order": "dose",
        "all_pairs": True,
    }
    return SETTINGS | {"comparisons": [one | keys], "donors": {}}


def test_the_order_is_read_from_the_sheet(
    dose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, ROOT, settings=settings(), rows=rows_of_doses(str(dose_file)))
    project.write()
    monkeypatch.chdir(tmp_path)
    config, rows = load(project.settings)
    assert config["families"][0]["scores"] == {"vehicle": 0, "low dose": 10, "high/IC50": 20}
    assert [one["dataset"] for one in config["comparisons"]] == ["data", "data"]
    assert rows[-1]["dose"] == "20"
    project.settings = settings(order="list")
    for row in project.rows:
        del row["dose"]
    project.write()
    by_list, _ = load(project.settings)
    assert list(by_list["families"][0]["scores"].values()) == [0, 1, 2]


@pytest.fixture(scope="session")
def dose_project(once: Once, dose_file: Path) -> Project:
    """A project with several targets that ran from start to end; not to be changed."""

    def make(folder: Path) -> None:
        done = Project(folder, ROOT, settings(), rows_of_doses(str(dose_file))).run()
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        (folder / "console.txt").write_text(text, encoding="utf-8")

    return Project(once("dose project", make), ROOT, settings(), rows_of_doses(str(dose_file)))


def table(project: Project, name: str) -> pd.DataFrame:
    path = project.folder / "results" / "dose" / f"{name}.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


@pytest.mark.timeout(1800)
def test_numbers_of_targets_are_those_of_their_own_tables(dose_project: Project) -> None:
    together = table(dose_project, "targets")
    assert list(together.columns) == list(OF_TARGETS["targets"].names)
    for member, target in zip(MEMBERS, CONDITIONS[1:], strict=True):
        path = dose_project.folder / "results" / member / "populations.tsv"
        own = pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
        part = together[together["target"] == target].drop(columns=["comparison", "target"])
        pd.testing.assert_frame_equal(part.reset_index(drop=True), own, check_dtype=False)


@pytest.mark.timeout(1800)
def test_populations_are_the_same_source_cells_in_every_target(dose_project: Project) -> None:
    seen = []
    for member in MEMBERS:
        adata = ad.read_h5ad(dose_project.folder / "results" / member / "annotated.h5ad")
        source = adata.obs.loc[adata.obs["condition"] == "vehicle", "cgmm_population"]
        seen.append(source.astype(str))
        assert cg.get.params(adata)["shared_populations"]
        assert adata.obs["dose"].nunique() == 2
    pd.testing.assert_series_equal(seen[0], seen[1])
    fits = [np.load(dose_project.folder / "results" / member / "fit.npz") for member in MEMBERS]
    np.testing.assert_array_equal(fits[0]["source_means"], fits[1]["source_means"])


@pytest.mark.timeout(1800)
def test_the_trend_and_the_pairs_are_there(dose_project: Project) -> None:
    trends = table(dose_project, "trends").set_index("name")
    assert (trends["log2_trend"].abs() < 6).all()
    best = trends["log2_trend"].idxmax()
    beta = trends.loc[best]  # whatever it is called; one search in nine loses it, so no q is asked
    assert beta["log2_trend"] > 0.8
    assert beta["ci_low"] < beta["log2_trend"] < beta["ci_high"]
    assert 0 < beta["p"] <= beta["q"] < 1
    pairs = table(dose_project, "target_pairs")
    assert set(pairs["source"]) == {"low dose"}
    assert set(pairs["target"]) == {"high/IC50"}
    facts = json.loads(
        (dose_project.folder / "results" / "dose" / "targets.json").read_text(encoding="utf-8")
    )
    assert facts["trend_sentence"] == "Every donor is compared with itself."
    assert facts["n_cells"] == {"vehicle": 480, "low dose": 480, "high/IC50": 480}
    assert facts["donors"]["n_in_several"] == 4


@pytest.mark.timeout(1800)
def test_the_common_report_links_the_others_and_can_be_run_again(dose_project: Project) -> None:
    reports = dose_project.folder / "reports"
    page = (reports / "dose.html").read_text(encoding="utf-8")
    for member in MEMBERS:
        assert f'href="{member}.html"' in page
    index = (reports / "index.html").read_text(encoding="utf-8")
    assert 'href="dose.html"' in index
    assert "found together (dose)" in index
    for name in ("dose", *MEMBERS):
        [again] = read_recipe(reports / f"{name}.html")["config"]["comparisons"]
        assert again["targets"] == list(CONDITIONS[1:])
        assert again["order"] == "dose"
        assert "target" not in again
    results = read_target_results(dose_project.folder / "results" / "dose")
    assert {p.name for p in results.populations} == set(results.tables["targets"]["name"])


@pytest.mark.timeout(1800)
def test_folders_of_other_targets_are_refused(dose_project: Project, tmp_path: Path) -> None:
    results = dose_project.folder / "results"
    turned = [results / member for member in reversed(MEMBERS)]
    with pytest.raises(ValueError, match="give one folder per target, in order"):
        make_target_claims(results / "dose", turned, [tmp_path, tmp_path], tmp_path / "x.html")


@pytest.mark.timeout(1800)
def test_nothing_is_left_to_do(dose_project: Project) -> None:
    assert dose_project.planned() == set()
