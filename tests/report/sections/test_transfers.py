"""Transfers in numbers."""

from __future__ import annotations

import pytest

from cgmm.report.claims.cell_counts import counted
from cgmm.results.read import read_results
from tests.report.pages import read, rows


def test_the_table_of_transfers_has_the_numbers_of_the_ribbons(made):
    folder, html = made("paired")
    table = counted(read_results(folder)).set_index(["source", "target"])["counted_share"]
    found = rows(read(html), "t-transfers")
    assert found
    for row in found:
        wanted = table[row["From"][0], row["To"][0]]
        assert row["Counted, of ctrl"][1] == pytest.approx(wanted, rel=1e-9)
    assert "Counted, of ctrl" not in read(made("none")[1]).heads["t-transfers"]
