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
    }),
    ("t-factors-more", "factors", ("Population", "name"), {
        "Net factor": "log2_net", "Outflow": "outflow", "Inflow": "inflow",
        "p, moderated t": "p_moderated", "p, permutation": "p_permutation",
        "Its interval": "relative_low", "Relative factor": "log2_relative",
    }),
    ("t-arrivals", "arrivals", ("Population", "name"), {
        "Share in stim": "share_target", "Part from it": "share_from_main_source",
        "Inflow": "inflow", "Cells": "n_cells",
    }),
]  # fmt: skip
PAIRS = [
    ("t-transfers", "transfers", {
        "Of ctrl": "share_of_source", "Of stim": "share_of_target", "Of all": "mass",
        "95% interval": "ci_low",
    }),
    ("t-shifts", "shifts", {
        "Of ctrl": "share_of_source", "Distance (SD)": "mean_shift_sd",
        "Moved (SD)": "unbiased_shift_sd",
        "With shape (SD)": "total_shift_sd", "95% interval": "ci_low",
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
        "Share in ctrl", "Share in stim", "Net factor", "Outflow", "Inflow", "Cells, ctrl",
        "Cells, stim", "Part from it", "Cells", "Of ctrl", "Of stim", "Of all", "Distance (SD)",
    } <= checked  # fmt: skip


def test_intervals_and_gene_tests_are_shown_when_they_are_given(made):
    page = read(made("paired")[1])
    for key in ("t-transfers", "t-shifts"):
        assert "95% interval" in page.heads[key]
    assert {"Change over donors", "p", "q", "Shared part", "Own part"} <= set(page.heads["t-genes"])
    assert "Interval from" in page.heads["t-factors-more"]
    kinds = {r["Interval from"][0] for r in rows(page, "t-factors-more")}
    assert kinds == {"donor bootstrap", "no interval"}
    assert {"p, permutation", "Relative factor"} <= set(page.heads["t-factors-more"])
    assert "relative to the median population" in page.sections["factors"]
    for absent in ("donors", "none"):
        page = read(made(absent)[1])
        assert "95% interval" not in page.heads["t-transfers"]
        assert "Transfers have no intervals here." in page.sections["flow"]
        assert "Interval from" not in page.heads["t-factors-more"]
