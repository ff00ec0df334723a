"""The methods text."""

from __future__ import annotations

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import (
    change_report,
)
from tests.report.pages import read, said


def test_methods_use_the_real_parameters(made, tmp_path):
    _folder, html = made("donors")
    words = said(html)
    for piece in ("λ = 0.03", "ε = 0.05", "ρ = 2", "F = 0.91", "at least 200 genes",
                  "12 and 12 components", "version 1.11.5", "Kang HM"):  # fmt: skip
        assert piece in words, piece
    assert "components of 2 000 highly variable genes" in words
    folder = make_folder(tmp_path / "a", k=3, n_cells=300, paired=True, donors=8)
    change_report(folder, representation={"n_genes_used": 900})
    assert "components of all 900 genes" in said(build(folder, tmp_path / "b.html"))
    assert "donors compared with themselves" not in words
    assert "Five times the typical spread" in words


def test_the_limit_that_was_chosen_from_the_data_is_stated(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300)
    change_report(folder, fewest_genes=6, config={"qc": {"min_genes": None, "max_pct_mt": None}})
    words = said(build(folder, tmp_path / "a.html"))
    assert "Cells with at least 6 genes were kept." in words


def test_methods_of_cytometry_name_the_transformation(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300)
    samples = [{"sample": s, "transform": "arcsinh(x / 70)"} for s in "ab"]
    change_report(folder, samples=samples, config={"modality": "cytometry"})
    words = said(build(folder, tmp_path / "a.html"))
    assert "Values of the channels were transformed by arcsinh(x / 70). The mixtures" in words
    assert "log-transformed" not in words


def test_methods_name_what_was_really_done(made):
    _folder, html = made("paired")
    words = read(html).sections["methods"]
    for piece in (
        "Populations are the labels of the annotation.",
        "Populations were found again by each single search",
        "a moderated t-test of the log-odds of the donors' shares, half a cell added, donors "
        "compared with themselves",
        "State shifts were tested over the donors' mean cells",
        "Box GEP",
        "Saerens M",
        "are adjusted for the batch.",
        "metric learned from matched components",
        "Leiden clusters [Traag et al. 2019]",
        "Traag VA",
        "compared by moderated t-tests [Smyth 2004], donors as replicates",
    ):
        assert piece in words, piece
    plain = read(made("none")[1]).sections["methods"]
    assert "Populations were found as Leiden clusters" in plain
    for piece in ("moderated t-test", "State shifts were tested", "settled", "pseudobulk"):
        assert piece not in plain, piece
