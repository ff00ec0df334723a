"""The page says what was adjusted, lists every change, and shows calls where nothing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build
from cgmm.report.sections.effects import effects_table
from cgmm.results.read import read_results
from cgmm.tables import TABLES
from tests.report.folders import make_folder
from tests.report.numbers import change_report, write_tsv
from tests.report.pages import read

SENTENCE = "Changes of populations are adjusted for sex (~ condition * sex)."
NULL = {"contrast": "b against a", "n_tested": 6, "n_called": 2, "mean_called": 0.1}


def effects(kinds: tuple[str, ...], **columns: float) -> pd.DataFrame:
    values = dict.fromkeys(TABLES["effects"].names, np.nan) | {
        "name": "Mono",
        "log2_change": 1.0,
        "ci_low": 0.5,
        "ci_high": 1.5,
        "words": "×2.00 for one; ×1.00 for other",
        "log2_visible": 0.6,
        "donors_for_twofold": np.inf,
        "reason": "",
    }
    rows = [values | columns | {"kind": kind, "contrast": f"{kind} change"} for kind in kinds]
    return pd.DataFrame(rows, columns=list(TABLES["effects"].names))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False, sensitivity=False)


def test_adjustment_interaction_and_null_are_on_the_page(folder: Path, tmp_path: Path) -> None:
    write_tsv(folder, "effects", effects(("condition", "interaction")))
    null = [NULL | {"any_called": 0.08, "n_exchanges": 100}]
    change_report(folder, donors={"design_sentence": SENTENCE}, null=null)
    page = read(build(folder, tmp_path / "a.html"))
    words = page.sections["factors"]
    assert SENTENCE in words
    assert "Of 6 tested populations, 2 have q under 0.05" in words
    assert "0.1 do on average (any in 8.0% of 100 exchanges)" in words
    assert "0.1 do on average" in page.sections["verdict"]
    assert "200 splits call a change of populations" not in words
    assert "×2.00 for one; ×1.00 for other" in words
    assert "over 1000" in words
    assert SENTENCE in page.sections["methods"]


def test_false_calls_between_donors_of_one_condition_are_on_the_page(
    folder: Path, tmp_path: Path
) -> None:
    row = {"what": "populations", "n_splits": 200, "n_tests": 800, "small_p": 0.04}
    change_report(folder, calibration=[row | {"any_called": 0.03, "conditions": "ctrl"}])
    words = read(build(folder, tmp_path / "a.html")).sections["factors"]
    assert "3.0% of 200 splits call a change of populations (q < 0.05)" in words
    assert "4.0% of 800 tests have p < 0.05 (5% are expected)" in words


def test_columns_without_numbers_are_hidden(folder: Path) -> None:
    write_tsv(folder, "effects", effects(("condition",)))
    found = effects_table(read_results(folder))
    names = {column.name for column in found.columns}
    assert not names & {"Absolute factor", "p by exchange", "Factors that differ"}
    write_tsv(folder, "effects", effects(("condition",), log2_absolute=2.0, p_permutation=0.01))
    names = {column.name for column in effects_table(read_results(folder)).columns}
    assert {"Absolute factor", "p by exchange"} <= names
