"""The methods text."""

from __future__ import annotations

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import (
    change_report,
    tsv,
)
from tests.report.pages import read, said


def test_methods_use_the_real_parameters(made, tmp_path):
    _folder, html = made("donors")
    words = said(html)
    for piece in ("λ = 0.03", "ε = 0.05", "ρ = 2", "F = 0.91", "Welch's t-test over 5 and 5 donors",
                  "at least 200 genes", "12 and 12 components", "version 1.11.5",
                  "Kang HM"):  # fmt: skip
        assert piece in words, piece
    assert "components of 2 000 highly variable genes" in words
    folder = make_folder(tmp_path / "a", k=3, n_cells=300, paired=True, donors=8)
    change_report(folder, representation={"n_genes_used": 900})
    assert "components of all 900 genes" in said(build(folder, tmp_path / "b.html"))
    assert "paired t-test over the 8 donors" in said(build(folder, tmp_path / "a.html"))
    assert "Five times the typical spread" in words


def test_methods_of_cytometry_name_the_transformation(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300)
    samples = [{"sample": s, "transform": "arcsinh(x / 70)"} for s in "ab"]
    change_report(folder, samples=samples, config={"modality": "cytometry"})
    words = said(build(folder, tmp_path / "a.html"))
    assert "Values of the channels were transformed by arcsinh(x / 70). The mixtures" in words
    assert "log-transformed" not in words


def test_methods_name_what_was_really_done(made):
    folder, html = made("paired")
    words = read(html).sections["methods"]
    table = tsv(folder, "sensitivity")
    rho = table.loc[table["parameter"] == "rho", "value"].astype(float)
    cuts = table.loc[table["parameter"] == "partition", "value"].nunique()
    for piece in (
        f"for {rho.nunique()} values of ρ from {rho.min():g} to {rho.max():g}",
        f"under {cuts} partitions of the cells",
        "drawing the donors anew 400 times with replacement, compared with themselves",
        "R moving by as much as Bayes' rule has it",
        "variance between partitions of the cells was added",
        "Rubin DB",
        "exchanging the conditions of donors (252 exchanges, smallest possible p = 0.008) after",
        "shares of the target are read from the coupling of each refit",
        "R was counted cell by cell",
        "Saerens M",
        "Draws and tests were made within batches.",
        "relative to the median population",
        "metric learned from matched components",
        "Leiden clusters [Traag et al. 2019]",
        "Traag VA",
        "compared with PyDESeq2",
    ):
        assert piece in words, piece
    plain = read(made("none")[1]).sections["methods"]
    assert "R_kl is s_k T_kl / Σ_j s_j T_jl (Bayes' rule)" in plain
    for piece in (
        "drawing the donors", "exchanging", "Leiden", "settled", "PyDESeq2", "counted", "Rubin",
    ):  # fmt: skip
        assert piece not in plain, piece
