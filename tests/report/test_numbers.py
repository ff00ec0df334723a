"""Numbers of the page, computed again from the TSVs."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build, build_index
from tests.report.folders import make_folder
from tests.report.pages import read, rows


def _tsv(folder, name):
    return pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


def _ratio(log2: float) -> str:
    v = 2.0**log2
    return f"{v:.0f}" if v >= 9.995 else f"{v:.2f}"


def _percent(v: float) -> str:
    return f"{100 * v:.0f}%" if 100 * v >= 9.95 else f"{100 * v:.1f}%"


# table of the page, file, how a row is found, heading -> column
TABLES = [
    ("t-factors", "factors", ("Subpopulation", "name"), {
        "Share in ctrl": "share_source", "Share in stim": "share_target",
        "Net factor": "log2_net", "p": "p", "q": "q", "Cells, ctrl": "n_cells",
        "Cells, stim": "n_cells_target", "95% interval": "ci_low",
    }),
    ("t-factors-more", "factors", ("Subpopulation", "name"), {
        "Net factor": "log2_net", "Outflow": "outflow", "Inflow": "inflow",
        "p, moderated t": "p_moderated", "p, permutation": "p_permutation",
        "Its interval": "relative_low", "Relative factor": "log2_relative",
    }),
    ("t-arrivals", "arrivals", ("Subpopulation", "name"), {
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
        table = _tsv(folder, name).set_index(column)
        found = rows(page, key)
        assert len(found) == len(table)
        for row in found:
            for head, wanted in columns.items():
                if head in row:
                    _same(row[head], table.loc[row[heading][0], wanted])
                    checked.add(head)
    for key, name, columns in PAIRS:
        table = _tsv(folder, name).set_index(["source", "target"])
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
    assert "relative to the median subpopulation" in page.sections["factors"]
    for absent in ("donors", "none"):
        page = read(made(absent)[1])
        assert "95% interval" not in page.heads["t-transfers"]
        assert "Transfers have no intervals here." in page.sections["flow"]
        assert "Interval from" not in page.heads["t-factors-more"]


@pytest.mark.parametrize("case", ["donors", "paired", "none"])
def test_the_largest_changes_of_the_opening(made, case):
    folder, html = made(case)
    said = read(html).sections["verdict"]
    factors = _tsv(folder, "factors")
    factors = factors.loc[factors["status"] != "gone"]
    if case == "none":
        up = factors.loc[factors["log2_net"] >= np.log2(1.5)]
    else:
        up = factors.loc[(factors["q"] < 0.05) & (factors["ci_low"] + factors["ci_high"] > 0)]
    top = up.loc[up["log2_net"].idxmax()]
    words = f"Largest growth: {top['name']}, ×{_ratio(top['log2_net'])} "
    if case != "none":
        words += f"[{_ratio(top['ci_low'])}–{_ratio(top['ci_high'])}] "
    words += f"({_percent(top['share_source'])} to {_percent(top['share_target'])} of cells"
    assert words in said


def _leave_one_out(folder, k):
    """Net factors without each donor, from the shares alone."""
    donors, transfers = _tsv(folder, "donors"), _tsv(folder, "transfers")
    back = transfers.pivot_table(
        index="source_component", columns="target_component", values="share_of_target"
    ).to_numpy()
    wide = donors.pivot_table(index=["side", "donor"], columns="component", values="share")
    s, t = wide.loc["source"], wide.loc["target"] @ back.T
    out = {}
    for donor in sorted({*s.index, *t.index}):
        keep0, keep1 = s.index != donor, t.index != donor
        out[donor] = np.log2(t.to_numpy()[keep1, k].mean() / s.to_numpy()[keep0, k].mean())
    return out


@pytest.mark.parametrize("case", ["donors", "paired"])
def test_factors_without_a_donor(made, case):
    folder, html = made(case)
    factors = _tsv(folder, "factors").set_index("name")
    found = rows(read(html), "t-influence")
    assert len(found) == len(factors)
    for row in found:
        name = row["Subpopulation"][0]
        without = _leave_one_out(folder, int(factors.loc[name, "component"]))
        full = factors.loc[name, "log2_net"]
        assert row["Net factor"][1] == pytest.approx(full, abs=1e-9)
        assert row["Lowest"][1] == pytest.approx(min(without.values()))
        assert row["Highest"][1] == pytest.approx(max(without.values()))
        worst = max(without, key=lambda d: abs(without[d] - full))
        assert row["Strongest donor"][0] == worst
        assert row["Without it"][1] == pytest.approx(without[worst])


def test_sensitivity_is_counted_and_drawn_from_its_file(made):
    folder, html = made("donors")
    page = read(html)
    table, factors = _tsv(folder, "sensitivity"), _tsv(folder, "factors")
    loose = factors.loc[factors["settled"].astype(str) == "False", "name"].tolist()
    said = page.sections["sensitivity"]
    n = len(factors)
    assert f"{n - len(loose)} of {n} factors stay within twofold" in said
    assert f"Not settled: {', '.join(loose)} (moved by" in said
    found = rows(page, "t-sensitivity")
    assert len(found) == len(table)
    for row, (_, wanted) in zip(found, table.iterrows(), strict=True):
        assert row["Subpopulation"][0] == wanted["name"]
        assert row["Net factor"][1] == pytest.approx(wanted["log2_net"])
        assert row["Difference (log2)"][1] == pytest.approx(wanted["difference"])
    html_text = html.read_text(encoding="utf-8")
    figure = html_text[html_text.index('id="fig-sensitivity"') :]
    figure = figure[: figure.index("</figure>")]
    assert figure.count('class="along"') == (table["parameter"] == "rho").sum()
    assert figure.count('class="other"') == (table["parameter"] == "partition").sum()
    own = table.loc[table["name"] == loose[0], "log2_net"]
    assert f"{_ratio(own.min())}–{_ratio(own.max())}, not settled" in figure


def test_without_other_choices_the_section_says_so(made):
    said = read(made("none")[1]).sections["sensitivity"]
    assert "No other settings were tried" in said
    assert "No other settings were tried" not in read(made("donors")[1]).sections["sensitivity"]


def test_methods_name_what_was_really_done(made):
    folder, html = made("paired")
    said = read(html).sections["methods"]
    table = _tsv(folder, "sensitivity")
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
        "relative to the median subpopulation",
        "metric learned from matched components",
        "Leiden clusters [Traag et al. 2019]",
        "Traag VA",
        "compared with PyDESeq2",
    ):
        assert piece in said, piece
    plain = read(made("none")[1]).sections["methods"]
    assert "R_kl is s_k T_kl / Σ_j s_j T_jl (Bayes' rule)" in plain
    for piece in (
        "drawing the donors", "exchanging", "Leiden", "settled", "PyDESeq2", "counted", "Rubin",
    ):  # fmt: skip
        assert piece not in plain, piece


def test_an_interval_over_cells_is_never_a_test(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False)
    table = _tsv(folder, "factors")
    table["interval_from"] = "cells"
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    page = read(build(folder, tmp_path / "a.html"))
    said = page.sections["verdict"]
    assert "not tested" in said
    assert "95% interval" in page.heads["t-factors"]
    assert {r["Interval from"][0] for r in rows(page, "t-factors-more")} == {"cells"}
    assert "became" not in said.replace("Who became whom", "")
    assert "no test of prevalence is reported" in page.sections["methods"]
    assert "from drawing cells" in page.sections["methods"]


def test_one_donor_that_drives_a_change_is_named(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=4000, flat=True)
    donors, transfers = _tsv(folder, "donors"), _tsv(folder, "transfers")
    name = donors.loc[donors["component"] == 3, "name"].iloc[0]
    loud = donors.loc[donors["side"] == "target", "donor"].iloc[0]
    mine = (donors["side"] == "target") & (donors["donor"] == loud)
    donors.loc[mine, "share"] = [0.02, 0.02, 0.02, 0.94]
    donors.to_csv(folder / "donors.tsv", sep="\t", index=False)
    back = transfers.pivot_table(
        index="source_component", columns="target_component", values="share_of_target"
    ).to_numpy()
    wide = donors.pivot_table(index=["side", "donor"], columns="component", values="share")
    s, t = wide.loc["source"].mean().to_numpy(), (wide.loc["target"] @ back.T).mean().to_numpy()
    factors = _tsv(folder, "factors").astype({"reason": object})
    factors["log2_net"] = np.log2(t / s)
    factors[["ci_low", "ci_high", "p", "q"]] = np.nan
    factors["reason"] = "Too uneven."
    factors.to_csv(folder / "factors.tsv", sep="\t", index=False)
    page = read(build(folder, tmp_path / "a.html"))
    without = _leave_one_out(folder, 3)[loud]
    full = np.log2(t / s)[3]
    assert "One donor drives a change" in page.sections["alerts"]
    words = f"{name} (×{_ratio(full)}; without {loud} ×{_ratio(without)})"
    assert words in page.sections["alerts"]
    assert f"Rests on {loud}." in page.sections["verdict"]
    assert f"{loud} stands out" in page.sections["donors"]


def test_donors_who_disagree_are_named(made):
    folder, html = made("paired")
    donors, transfers = _tsv(folder, "donors"), _tsv(folder, "transfers")
    back = transfers.pivot_table(
        index="source_component", columns="target_component", values="share_of_target"
    ).to_numpy()
    wide = donors.pivot_table(index=["side", "donor"], columns="component", values="share")
    own = (wide.loc["target"] @ back.T).to_numpy() - wide.loc["source"].to_numpy()
    factors = _tsv(folder, "factors").set_index("name")
    for row in rows(read(html), "t-influence"):
        name = row["Subpopulation"][0]
        k = int(factors.loc[name, "component"])
        against = own[:, k] * np.sign(factors.loc[name, "log2_net"]) < 0
        wanted = ", ".join(wide.loc["source"].index[against]) or "none"
        assert row["Against"][0] == wanted


def test_poor_overlap_is_called_so(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, n_cells=4000)
    assert "hardly overlap" not in read(build(folder, tmp_path / "b.html")).sections["alerts"]
    table = _tsv(folder, "factors")
    table.loc[0, "status"] = "gone"
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    gone = table.loc[table["status"] == "gone", "share_source"].sum()
    said = read(build(folder, tmp_path / "c.html")).sections["alerts"]
    assert "The two conditions hardly overlap" in said
    assert f"{_percent(gone)} of ctrl" in said
    meta = json.loads((folder / "report.json").read_text())
    meta["fit"]["F"] = 0.004
    (folder / "report.json").write_text(json.dumps(meta))
    assert "F = 0.004" in read(build(folder, tmp_path / "d.html")).sections["alerts"]


def test_pieces_of_a_simulated_subpopulation_are_pooled(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, n_cells=3000, truth=True, new_and_gone=False)
    components = _tsv(folder, "components").astype({"cell_type": object})
    names = _tsv(folder, "factors")["name"].tolist()
    components["cell_type"] = components["cell_type"].replace({names[1]: names[0]})
    components.to_csv(folder / "components.tsv", sep="\t", index=False)
    factors = _tsv(folder, "factors")
    two = factors.iloc[:2]
    pooled = np.log2(two["share_target"].sum() / two["share_source"].sum())
    page = read(build(folder, tmp_path / "a.html"))
    row = {r["Subpopulation"][0]: r for r in rows(page, "t-truth")}[names[0]]
    assert row["Found"][1] == pytest.approx(pooled)
    assert row["Pieces"][1] == 2
    assert f"pooled here: {names[0]}" in page.sections["truth"]
    truth = dict(
        zip(*(json.loads((folder / "report.json").read_text())["truth"][k]
              for k in ("names", "log2_net")), strict=True)
    )  # fmt: skip
    found = dict(zip(factors["name"], factors["log2_net"], strict=True)) | {names[0]: pooled}
    both = [n for n in truth if n != names[1]]
    error = np.sqrt(np.mean([(found[n] - truth[n]) ** 2 for n in both]))
    assert f"is {error:.2f} on the log2 scale" in page.sections["truth"]
    assert f"typically off by {2**error:.2f}-fold" in page.sections["truth"]


def test_the_index_compares(made, tmp_path):
    pairs = [made("donors"), made("none"), made("two")]
    out = build_index([p[0] for p in pairs], [p[1] for p in pairs], tmp_path / "index.html")
    page = read(out)
    overview = rows(page, "t-overview")
    assert len(overview) == 3
    for (folder, _), row in zip(pairs, overview, strict=True):
        meta = json.loads((folder / "report.json").read_text())
        assert row["Cells"][1] == sum(meta["n_cells"].values())
        assert row["Groups"][1] == len(_tsv(folder, "factors"))
    across = {r["Subpopulation"][0]: list(r.values()) for r in rows(page, "t-across")}
    tables = [_tsv(folder, "factors").set_index("name") for folder, _ in pairs]
    for name, cells in across.items():
        assert sum(shown != "not there" for shown, _ in cells[1:]) >= 2
        for table, (shown, value) in zip(tables, cells[1:], strict=True):
            if name not in table.index:
                assert shown in {"not there", "no counterpart", "new"}
            elif table.loc[name, "status"] == "gone":
                assert shown == "gone"
            else:
                assert value == pytest.approx(table.loc[name, "log2_net"])
                assert shown.startswith(f"×{_ratio(value)}")
    assert page.heads["t-across"][1:] == [f"ctrl → stim ({f.name})" for f, _ in pairs]
    alone = read(build_index([pairs[0][0]], [pairs[0][1]], tmp_path / "one.html"))
    assert "t-overview" not in alone.tables
    assert re.search("1 comparison ", alone.sections["header"] + " ")
