"""Target cells whose origin the table of transfers does not show."""

from __future__ import annotations

import pytest

from cgmm.report.claims.cell_counts import unlisted
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import tsv, write_tsv


def test_cells_of_pairs_that_are_not_listed_are_counted(tmp_path) -> None:
    folder = make_folder(tmp_path / "drug", new_and_gone=False)
    assert unlisted(read_results(folder)) == pytest.approx(0, abs=1e-6)
    transfers = tsv(folder, "transfers")
    write_tsv(folder, "transfers", transfers.iloc[1:])
    missing = float(transfers["mass"].iloc[0])
    assert unlisted(read_results(folder)) == pytest.approx(missing, abs=1e-6)
