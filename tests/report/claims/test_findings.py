"""What is reported of each population."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cgmm.report import build
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import (
    tsv,
    wide_shares,
    write_tsv,
)
from tests.report.pages import read

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _donors_up(folder) -> np.ndarray:
    """In how many paired donors each population grew, from the shares."""
    before, after = wide_shares(folder)
    return (after.to_numpy() > before.to_numpy()).sum(0)


def _percent(v: float) -> str:
    return f"{100 * v:.0f}" if 100 * v >= 9.95 else f"{100 * v:.1f}"


def _allowed(folder) -> dict[str, set[str]]:
    """Every number that may stand in the line of a population, recomputed from the TSVs."""
    factors, arrivals = tsv(folder, "factors"), tsv(folder, "arrivals")
    transfers, shifts = tsv(folder, "transfers"), tsv(folder, "shifts")
    found: dict[str, set[str]] = {}
    paired = make_verdict(read_results(folder)).findings[0].donors_paired
    up = _donors_up(folder) if paired else None
    for r in factors.itertuples():
        values = {
            f"{v:.0f}" if v >= 9.995 else f"{v:.2f}"
            for v in 2.0 ** np.array([r.log2_net, r.ci_low, r.ci_high, r.log2_net_fit])
            if np.isfinite(v)
        }
        values |= {_percent(r.share_source), _percent(r.share_target)}
        values |= {"0.1", "0.01"} if r.status == "gone" else set()  # "<0.1%", "under 0.01"
        if np.isfinite(r.q):
            values.add(f"{r.q:.3f}" if r.q < 0.1 else f"{r.q:.2f}")
        if up is not None:
            values |= {str(paired), str(max(up[r.component], paired - up[r.component]))}
        mine = transfers.loc[transfers["source"] == r.name]
        if len(mine):
            main = mine.loc[mine["share_of_source"].idxmax()]
            values.add(_percent(main["share_of_source"]))
        row = shifts.loc[shifts["source"] == r.name]
        if len(row):
            columns = ("mean_shift_sd", "unbiased_shift_sd", "ci_low", "ci_high")
            values |= {f"{row.iloc[0][c]:.2f}" for c in columns if c in row}
        found[r.name] = values
    for r in arrivals.itertuples():
        found.setdefault(r.name, set()).update(
            {_percent(r.share_target), _percent(r.share_from_main_source)}
        )
    return found


@pytest.mark.parametrize(
    "case", ["donors", "paired", "none", "few", "two", "thirty", "sixty", "nasty", "flat"]
)
def test_every_number_of_every_line_comes_from_the_tables(made, case):
    folder, _ = made(case)
    allowed = _allowed(folder)
    for f in make_verdict(read_results(folder)).findings:
        words = f.sentence
        for gene, _ in f.genes:
            words = words.replace(gene, "")
        for name in (f.goes_to, f.comes_from, f.name):
            words = words.replace(name, "") if name else words
        extra = set(NUMBER.findall(words)) - allowed[f.name]
        assert not extra, (f.name, f.sentence, extra)


def test_an_interval_over_cells_is_never_a_test(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False)
    table = tsv(folder, "factors")
    table["interval_from"] = "cells"
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    page = read(build(folder, tmp_path / "a.html"))
    said = page.sections["verdict"]
    assert "not tested" in said
    assert "95% interval" in page.heads["t-factors"]
    assert "became" not in said.replace("Who became whom", "")
    assert "no test of prevalence is reported" in page.sections["methods"]
    assert "from drawing cells" in page.sections["methods"]


def test_a_shift_whose_interval_reaches_zero_is_not_called_one(tmp_path):
    folder = make_folder(
        tmp_path / "a", k=4, n_cells=2000, new_and_gone=False, intervals=True, paired=True
    )
    name = tsv(folder, "factors")["name"].iloc[0]
    assert name in {f.name for f in make_verdict(read_results(folder)).groups.moved}
    shifts = tsv(folder, "shifts")
    shifts.loc[shifts["source"] == name, "ci_low"] = 0.0
    write_tsv(folder, "shifts", shifts)
    verdict = make_verdict(read_results(folder))
    assert name not in {f.name for f in verdict.groups.moved}
    finding = next(f for f in verdict.findings if f.name == name)
    assert finding.state_text.startswith("no clear state shift (")
    assert "led by" not in finding.state_text
    said = read(build(folder, tmp_path / "a.html")).sections["shifts"]
    assert "not clear" in said


def test_a_found_population_whose_two_readings_disagree_is_no_change(tmp_path) -> None:
    folder = make_folder(tmp_path / "found", annotated=False, intervals=True)
    factors = tsv(folder, "factors")
    before = make_verdict(read_results(folder)).groups
    called = next(f for f in (*before.more, *before.less) if not np.isfinite(f.by_origin))
    row = factors["name"] == called.name
    factors.loc[row, "fit_says"], factors.loc[row, "log2_net_fit"] = "differs", 3.0
    write_tsv(folder, "factors", factors)
    verdict = make_verdict(read_results(folder))
    assert called.name not in {f.name for f in (*verdict.groups.more, *verdict.groups.less)}
    assert called.name not in " ".join((*verdict.headline, verdict.answers[0][1]))
    finding = next(f for f in verdict.findings if f.name == called.name)
    assert finding.prevalence_text.startswith("no clear change in prevalence")
    assert "; ×8.00 by the cells assigned to it" in finding.prevalence_text
    page = read(build(folder, tmp_path / "page.html"))
    assert f"Two ways of counting disagree: {called.name}" in page.sections["factors"]
    assert "No change is reported here." in page.sections["factors"]


def test_labels_stay_reported_where_the_fit_gives_another_factor(tmp_path) -> None:
    folder = make_folder(tmp_path / "labels", intervals=True)
    findings = make_verdict(read_results(folder)).findings
    assert not any(np.isfinite(f.by_origin) for f in findings)
