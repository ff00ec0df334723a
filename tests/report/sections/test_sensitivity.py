"""Factors under other settings."""

from __future__ import annotations

import pytest

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import (
    ratio,
    tsv,
)
from tests.report.pages import read, rows


def test_sensitivity_is_counted_and_drawn_from_its_file(made):
    folder, html = made("donors")
    page = read(html)
    table, factors = tsv(folder, "sensitivity"), tsv(folder, "factors")
    loose = factors.loc[factors["settled"].astype(str) == "False", "name"].tolist()
    said = page.sections["sensitivity"]
    n = len(factors)
    assert f"{n - len(loose)} of {n} factors stay within 1.5-fold" in said
    assert f"Not settled: {', '.join(loose)} (moved by" in said
    found = rows(page, "t-sensitivity")
    assert len(found) == len(table)
    for row, (_, wanted) in zip(found, table.iterrows(), strict=True):
        assert row["Population"][0] == wanted["name"]
        assert row["Net factor"][1] == pytest.approx(wanted["log2_net"])
        assert row["Difference (log2)"][1] == pytest.approx(wanted["difference"])
    html_text = html.read_text(encoding="utf-8")
    figure = html_text[html_text.index('id="fig-sensitivity"') :]
    figure = figure[: figure.index("</figure>")]
    assert figure.count('class="along"') == (table["parameter"] == "seed").sum()
    assert figure.count('class="other"') == (table["parameter"] == "partition").sum()
    own = table.loc[table["name"] == loose[0], "log2_net"]
    assert f"{ratio(own.min())}–{ratio(own.max())}, not settled" in figure


def test_without_other_choices_the_section_says_so(made):
    said = read(made("none")[1]).sections["sensitivity"]
    assert "No other settings were tried" in said
    assert "No other settings were tried" not in read(made("donors")[1]).sections["sensitivity"]


def test_labels_do_not_depend_on_settings(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300, sensitivity=False)
    said = read(build(folder, tmp_path / "a.html")).sections["sensitivity"]
    assert "counted from your labels, so settings of the fit do not change them" in said
