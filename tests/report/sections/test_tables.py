"""Cells of all tables against the files."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.report.numbers import (
    tsv,
)
from tests.report.pages import read, rows

# table of the page, file, how a row is found, heading -> column
TABLES = [
    ("t-factors", "factors", ("Population", "name"), {
        "Share in ctrl": "share_source", "Share in stim": "share_target",
        "Net factor": "log2_net", "p": "p", "q": "q", "Cells, ctrl": "n_cells",
        "Cells, stim": "n_cells_target", "95% interval": "ci_low",
        "Factor by the fit": "log2_net_fit",
    }),
    ("t-shifts", "shifts", ("Population", "source"), {
        "95% interval": "ci_low", "p": "p", "q": "q",
    }),
    ("t-states", "states", ("State", "name"), {
        "Share in ctrl": "share_source", "Share in stim": "share_target",
        "Change inside": "log2_within", "Purity": "purity",
    }),
    ("t-arrivals", "arrivals", ("Population", "name"), {
        "Share in stim": "share_target", "Part from it": "share_from_main_source",
        "Cells": "n_cells",
    }),
]  # fmt: skip
PAIRS = [
    ("t-transfers", "transfers", {
        "Of ctrl": "share_of_source", "Of stim": "share_of_target", "Of all": "mass",
    }),
]  # fmt: skip


def _same(cell, wanted):
    shown, value = cell
    if pd.isna(wanted):
        assert value is None
        assert shown
    else:
        assert value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("case", ["donors", "paired", "none", "few", "sixty"])
def test_every_cell_of_the_tables_is_the_number_of_the_file(made, case):
    folder, html = made(case)
    page = read(html)
    checked: set[str] = set()
    for key, name, (heading, column), columns in TABLES:
        table = tsv(folder, name).set_index(column)
        found = rows(page, key)
        assert len(found) == len(table)
        for row in found:
            for head, wanted in columns.items():
                if head in row:
                    _same(row[head], table.loc[row[heading][0], wanted])
                    checked.add(head)
    for key, name, columns in PAIRS:
        table = tsv(folder, name).set_index(["source", "target"])
        for row in rows(page, key):
            for head, wanted in columns.items():
                if head in row:
                    _same(row[head], table.loc[(row["From"][0], row["To"][0]), wanted])
                    checked.add(head)
    assert {
        "Share in ctrl", "Share in stim", "Net factor", "Cells, ctrl", "Cells, stim",
        "Part from it", "Cells", "Of ctrl", "Of stim", "Of all", "Change inside", "Purity",
        "Factor by the fit",
    } <= checked  # fmt: skip


def test_intervals_and_gene_tests_are_shown_when_they_are_given(made):
    folder, html = made("paired")
    page = read(html)
    assert {"95% interval", "p", "q"} <= set(page.heads["t-shifts"])
    assert {"Change over donors", "p", "q", "Shared part", "Own part"} <= set(page.heads["t-genes"])
    for row, wanted in zip(
        rows(page, "t-shifts"), tsv(folder, "shifts")["unbiased_shift_sd"], strict=True
    ):
        assert row["Moved (SD)"][1] == pytest.approx(wanted)
    page = read(made("none")[1])
    assert "95% interval" not in page.heads["t-shifts"]
    assert "Shifts have no intervals here." in page.sections["shifts"]


def test_a_factor_that_the_fit_does_not_confirm_is_told(made):
    folder, html = made("donors")
    factors = tsv(folder, "factors")
    name = factors.loc[factors["fit_says"] == "differs", "name"].iloc[0]
    page = read(html)
    assert f"The components of the fit give another factor: {name}" in page.sections["factors"]
    assert "The fit gives another factor" in page.sections["alerts"]
    row = next(r for r in rows(page, "t-factors") if r["Population"][0] == name)
    assert row["Fit and cells"][0] == "differ"
