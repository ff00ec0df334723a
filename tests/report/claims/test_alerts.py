"""What a reader must know before trusting a number."""

from __future__ import annotations

import json

import pandas as pd

from cgmm.report import build
from cgmm.report.claims.claims import make_claims
from cgmm.report.sections.alerts import NOTHING_WRONG
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import (
    change_report,
    percent,
    tsv,
)
from tests.report.pages import read


def _alerts(folder) -> list[str]:
    return [a.title for a in make_claims(read_results(folder)).alerts]


def test_alerts_only_where_something_is_wrong(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=4000, flat=True)
    assert _alerts(folder) == []
    assert NOTHING_WRONG in build(folder, tmp_path / "a.html").read_text(encoding="utf-8")
    change_report(folder, fit={"converged": False}, n_cells={"source": 90})
    factors = pd.read_csv(folder / "factors.tsv", sep="\t", keep_default_na=False)
    factors["settled"] = [True, False, True, True]
    factors.to_csv(folder / "factors.tsv", sep="\t", index=False)
    samples = json.loads((folder / "report.json").read_text())["samples"]
    samples[0].update(batch="b1", n_cells_kept=100)
    samples[1].update(batch="b2")
    change_report(
        folder, samples=samples, notices=[{"level": "warning", "text": "t", "advice": "a"}]
    )
    found = _alerts(folder)
    assert found[:2] == ["The fit did not converge", "Batch and condition cannot be told apart"]
    assert {
        "Factors that are not settled",
        "Few cells",
        "Quality control removed most cells of a sample",
        "Warning from the pipeline",
    } <= set(found)
    assert all(a.advice for a in make_claims(read_results(folder)).alerts)


def test_poor_overlap_is_called_so(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, n_cells=4000)
    assert "hardly overlap" not in read(build(folder, tmp_path / "b.html")).sections["alerts"]
    table = tsv(folder, "factors")
    table.loc[0, "status"] = "gone"
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    gone = table.loc[table["status"] == "gone", "share_source"].sum()
    said = read(build(folder, tmp_path / "c.html")).sections["alerts"]
    assert "The two conditions hardly overlap" in said
    assert f"{percent(gone)} of ctrl" in said


def test_a_small_matched_mass_alone_is_no_alert(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, n_cells=4000)
    meta = json.loads((folder / "report.json").read_text())
    meta["fit"]["F"] = 0.004  # usual where all types moved
    (folder / "report.json").write_text(json.dumps(meta))
    assert "hardly overlap" not in read(build(folder, tmp_path / "b.html")).sections["alerts"]
