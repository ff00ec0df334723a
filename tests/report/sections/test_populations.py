"""The page leads with annotated populations, and says where fit and labels do not agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build
from cgmm.report.claims.populations import make_populations
from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import read_results
from cgmm.tables import TABLES
from tests.report.folders import make_folder
from tests.report.numbers import write_tsv
from tests.report.pages import read

ROWS = [
    # name, share before and after, interval, p, q, cells, status, fit, says
    ("Mono", 0.40, 0.30, (-0.6, -0.2), 0.001, 0.004, (400, 300), "", -0.4, ""),
    ("T", 0.30, 0.32, (-0.1, 0.3), 0.4, 0.4, (300, 320), "", 0.1, ""),
    ("B", 0.10, 0.13, (0.01, 0.7), 0.045, 0.06, (100, 130), "", 1.2, "differs"),
    ("Mast", 0.05, 0.0, (-8.0, -5.0), 0.0001, 0.0006, (50, 0), "gone", -2.0, ""),
    ("Plasma", 0.001, 0.05, (4.0, 7.0), 0.0002, 0.0006, (0, 50), "new", np.nan, "no component"),
    ("Rare", 0.001, 0.008, None, np.nan, np.nan, (1, 8), "", np.nan, "no component"),
]


def table(*, tested: bool = True) -> pd.DataFrame:
    rows = []
    for name, before, after, ends, p, q, cells, status, fit, says in ROWS:
        log2_net = np.log2(after + 1e-4) - np.log2(before + 1e-4)
        known = tested and ends is not None
        low, high = ends if known else (np.nan, np.nan)
        reason = "" if known else "9 cells in both conditions together"
        rows.append(
            (name, before, after, log2_net, low, high)
            + ((p, q) if known else (np.nan, np.nan))
            + (*cells, reason, status, fit, 0.9 if says != "no component" else 0.1, says)
        )
    return pd.DataFrame(rows, columns=list(TABLES["populations"].names))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False, sensitivity=False)
    write_tsv(made, "populations", table())
    return made


def test_states_follow_q_and_status(folder: Path) -> None:
    found = make_populations(read_results(folder))
    states = {p.name: p.prevalence for p in found.all}
    assert states == {
        "Mono": Prevalence.LESS,
        "T": Prevalence.SAME,
        "B": Prevalence.UNCLEAR,  # p alone is not enough
        "Mast": Prevalence.GONE,
        "Plasma": Prevalence.NEW,
        "Rare": Prevalence.SEEMS_MORE,
    }
    assert [p.name for p in found.less] == ["Mono"]
    assert {p.name for p in found.new_or_gone} == {"Mast", "Plasma"}


def test_the_opening_is_about_populations(folder: Path, tmp_path: Path) -> None:
    verdict = make_verdict(read_results(folder))
    assert verdict.headline[0].startswith("Of 6 annotated populations, 1 became rarer")
    answer = dict(verdict.answers)["More or less common"]
    assert "Largest growth: Plasma" in answer
    assert "Largest loss: Mast" in answer
    page = read(build(folder, tmp_path / "a.html"))
    assert "Mono" in page.sections["populations"]


def test_a_larger_change_that_cannot_be_tested_is_named(folder: Path) -> None:
    rows = table()
    rows = rows[rows["name"].isin(["Mono", "T", "B", "Rare"])]
    write_tsv(folder, "populations", rows)
    answer = dict(make_verdict(read_results(folder)).answers)["More or less common"]
    assert "No growth is beyond the scatter of donors; the largest estimate is B" in answer
    assert "Larger, but not testable: Rare." in answer


def test_disagreement_of_fit_and_labels_is_said(folder: Path, tmp_path: Path) -> None:
    text = read(build(folder, tmp_path / "a.html")).sections["populations"]
    assert "No subpopulation of its own: Plasma and Rare" in text
    assert "Labels and fit differ more than 1.5-fold: B" in text


def test_without_donors_nothing_is_called_changed(folder: Path) -> None:
    write_tsv(folder, "populations", table(tested=False))
    found = make_populations(read_results(folder))
    assert not found.tested
    assert {p.prevalence for p in found.all} <= {
        Prevalence.SEEMS_MORE,
        Prevalence.SEEMS_LESS,
        Prevalence.SIMILAR,
        Prevalence.NEW,
        Prevalence.GONE,
    }


def test_without_an_annotation_there_is_no_section(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "b", k=4, n_cells=400, new_and_gone=False, sensitivity=False)
    page = read(build(made, tmp_path / "b.html"))
    assert "populations" not in page.sections
    assert "annotated population" not in page.sections["verdict"]
