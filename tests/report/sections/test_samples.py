"""The section on samples and quality control."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build
from cgmm.report.sections.composition import composition_figure
from cgmm.report.sections.quality_strips import quality_figure
from cgmm.report.sections.sample_map import sample_map_figure
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import percent, tsv, write_tsv
from tests.report.pages import read, rows


def test_the_table_says_how_many_cells_were_dropped_and_why(made):
    folder, html = made("paired")
    samples = tsv(folder, "samples").set_index("sample")
    found = rows(read(html), "t-samples")
    assert [row["Sample"][0] for row in found] == samples.index.to_list()
    for row in found:
        own = samples.loc[row["Sample"][0]]
        assert row["Cells kept"][1] == own["n_cells"]
        assert row["Few genes"][1] == own["n_few_genes"]
        assert row["Mitochondrial"][1] == own["n_mitochondrial"]
        assert row["Kept"][0] == percent(own["n_cells"] / own["n_cells_read"])
    quality = tsv(folder, "sample_quality")
    assert len(rows(read(html), "t-quality")) == len(quality)


def test_strips_stand_at_their_quantiles(made):
    folder, _ = made("paired")
    results = read_results(folder)
    svg = str(quality_figure(results).svg)
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"[^>]*class="median"', svg)]
    quality = tsv(folder, "sample_quality").pivot(
        index="sample", columns="measure", values="median"
    )
    order = results.tables["samples"]["sample"]
    assert len(dots) == quality.size
    for k, measure in enumerate(("genes", "counts", "mitochondrial")):
        place = dots[k :: quality.shape[1]]
        value = quality.loc[order, measure].to_numpy()
        value = value if measure == "mitochondrial" else np.log10(value)
        fit = np.polyfit(value, place, 1)
        np.testing.assert_allclose(np.polyval(fit, value), place, atol=0.02)


def test_without_measures_a_sentence_says_so(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=2000)
    write_tsv(folder, "sample_quality", tsv(folder, "sample_quality").iloc[:0])
    page = read(build(folder, tmp_path / "a.html"))
    assert "their quality is not shown" in page.sections["qc"]
    (folder / "samples.tsv").unlink()
    page = read(build(folder, tmp_path / "b.html"))
    assert "no table of samples" in page.sections["qc"]


@pytest.mark.parametrize("case", ["paired", "none"])
def test_bars_are_as_wide_as_the_shares(made, case):
    folder, _ = made(case)
    svg = str(composition_figure(read_results(folder)).svg)
    parts = re.findall(r'<title>([^<]*): \S+ ([^<]*)</title><rect [^>]*width="([\d.]+)"', svg)
    frame = pd.DataFrame(parts, columns=["bar", "name", "width"]).astype({"width": float})
    assert len(set(frame["bar"])) == (8 if case == "paired" else 1)
    if case == "paired":
        own = tsv(folder, "donors")
        wide = own.loc[own["donor"] == "donor1"].sort_values("share")["share"].to_numpy()
        widths = np.sort(frame.loc[frame["bar"] == "donor1", "width"].to_numpy())
        ratio = widths[-5:] / wide[-5:]
        assert np.ptp(ratio) / ratio.mean() < 0.01


def test_the_map_puts_samples_of_a_condition_together(made):
    folder, _ = made("paired")
    results = read_results(folder)
    svg = str(sample_map_figure(results).svg)
    marks = re.findall(r"<title>(\w+)_(ctrl|stim), |<title>(\w+)_(ctrl|stim): ", svg)
    assert len(marks) == 2 * len(results.tables["samples"])
    assert "by states of populations (" in svg


def test_two_samples_have_no_map(made):
    assert sample_map_figure(read_results(made("none")[0])) is None
