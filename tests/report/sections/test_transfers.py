"""Transfers in numbers."""

from __future__ import annotations

import pytest

from tests.report.numbers import tsv
from tests.report.pages import read, rows


def test_rows_and_columns_of_the_table_add_up_to_one(made) -> None:
    folder, html = made("paired")
    found = rows(read(html), "t-transfers")
    transfers = tsv(folder, "transfers")
    for side, column in (("From", "Of ctrl"), ("To", "Of stim")):
        totals: dict[str, float] = {}
        for row in found:
            totals[row[side][0]] = totals.get(row[side][0], 0.0) + row[column][1]
        assert totals
        for total in totals.values():
            assert total == pytest.approx(1.0, abs=0.02)
    listed = sum(row["Of all"][1] for row in found)
    assert listed == pytest.approx(transfers["mass"].sum(), abs=0.01)
