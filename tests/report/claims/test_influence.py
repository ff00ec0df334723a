"""What single donors do to the factors."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import (
    leave_one_out,
    ratio,
    tsv,
    wide_shares,
    write_tsv,
)
from tests.report.pages import read, rows


@pytest.mark.parametrize("case", ["donors", "paired"])
def test_factors_without_a_donor(made, case):
    folder, html = made(case)
    factors = tsv(folder, "factors").set_index("name")
    found = rows(read(html), "t-influence")
    assert len(found) == len(factors.loc[factors["status"] != "gone"])
    for row in found:
        name = row["Population"][0]
        without = leave_one_out(folder, int(factors.loc[name, "component"]))
        full = factors.loc[name, "log2_net"]
        assert row["Net factor"][1] == pytest.approx(full, abs=1e-9)
        assert row["Lowest"][1] == pytest.approx(min(without.values()))
        assert row["Highest"][1] == pytest.approx(max(without.values()))
        worst = max(without, key=lambda d: abs(without[d] - full))
        assert row["Strongest donor"][0] == worst
        assert row["Without it"][1] == pytest.approx(without[worst])


def test_one_donor_that_drives_a_change_is_named(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=4000, flat=True)
    donors = tsv(folder, "donors")
    name = donors.loc[donors["component"] == 3, "name"].iloc[0]
    loud = donors.loc[donors["side"] == "target", "donor"].iloc[0]
    mine = (donors["side"] == "target") & (donors["donor"] == loud)
    donors.loc[mine, "share"] = [0.02, 0.02, 0.02, 0.94]
    donors.to_csv(folder / "donors.tsv", sep="\t", index=False)
    s, t = (shares.mean().to_numpy() for shares in wide_shares(folder))
    factors = tsv(folder, "factors").astype({"reason": object})
    factors["log2_net"] = np.log2(t / s)
    factors[["ci_low", "ci_high", "p", "q"]] = np.nan
    factors["reason"] = "Too uneven."
    factors.to_csv(folder / "factors.tsv", sep="\t", index=False)
    without = leave_one_out(folder, 3)[loud]
    influence = tsv(folder, "influence")
    for k in range(4):
        own = influence["name"] == factors.loc[k, "name"]
        left = leave_one_out(folder, k)
        influence.loc[own, "log2_net_without"] = [left[d] for d in influence.loc[own, "donor"]]
    write_tsv(folder, "influence", influence)
    page = read(build(folder, tmp_path / "a.html"))
    full = np.log2(t / s)[3]
    assert "One donor drives a change" in page.sections["alerts"]
    words = f"{name} (×{ratio(full)}; without {loud} ×{ratio(without)})"
    assert words in page.sections["alerts"]
    assert f"Rests on {loud}." in page.sections["verdict"]
    assert f"Leaving out {loud} moves the factors most" in page.sections["donors"]


def test_donors_who_disagree_are_named(made):
    folder, html = made("paired")
    before, after = wide_shares(folder)
    own = after.to_numpy() - before.to_numpy()
    factors = tsv(folder, "factors").set_index("name")
    for row in rows(read(html), "t-influence"):
        name = row["Population"][0]
        k = int(factors.loc[name, "component"])
        against = own[:, k] * np.sign(factors.loc[name, "log2_net"]) < 0
        wanted = ", ".join(before.index[against]) or "none"
        assert row["Against"][0] == wanted


def test_a_donor_that_stands_apart_is_named_whatever_changed(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=4000, flat=True)
    page = read(build(folder, tmp_path / "a.html"))
    assert "No donor stands apart (of 4 populations" in page.sections["donors"]
    influence = tsv(folder, "influence")
    one, two = influence["name"].unique()[:2]
    donor = influence["donor"].iloc[0]
    own = influence["donor"] == donor
    influence["leaves_interval"] = own & (influence["name"] == one)
    influence["outside"] = np.where(own & (influence["name"] == two), "ctrl", "")
    write_tsv(folder, "influence", influence)
    page = read(build(folder, tmp_path / "b.html"))
    reasons = (
        f"{donor}: without it the factor leaves its interval ({one}); its share lies outside those "
        f"of all others ({two} in ctrl)"
    )
    assert reasons in page.sections["donors"]
    assert reasons in page.sections["alerts"]
    found = {row["Population"][0]: row for row in rows(page, "t-influence")}
    assert found[one]["Leaves interval"][0] == donor
    assert found[two]["Share outside"][0] == f"{donor} (ctrl)"
    assert found[two]["Leaves interval"][0] == "none"
