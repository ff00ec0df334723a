"""What the report says, against the tables it says it from."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build, build_index
from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.donor_shares import donor_pairs
from cgmm.report.claims.verdict import make_verdict
from cgmm.report.page import text
from cgmm.report.page.svg import el, spread, ticks
from cgmm.results.read import read_results
from tests.report.conftest import CASES
from tests.report.folders import COMMON, NASTY, make_folder


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts, self.tags, self.skip = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skip += tag in {"script", "style"}

    def handle_endtag(self, tag):
        self.skip -= tag in {"script", "style"}

    def handle_data(self, data):
        if not self.skip:
            self.parts.append(data)


def _parse(html) -> _Text:
    parser = _Text()
    parser.feed(html.read_text(encoding="utf-8"))
    return parser


def _said(html) -> str:
    return re.sub(r"\s+", " ", " ".join(_parse(html).parts))


def _table(folder, name):
    return pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values={
        c: ["", "nan"] for c in (
            "ci_low", "ci_high", "p", "q", "log2_net", "share_from_main_source", "mean_shift_sd",
        )
    })  # fmt: skip


NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _donors_up(folder) -> np.ndarray:
    """In how many paired donors each source component grew, from the shares."""
    donors, transfers = _table(folder, "donors"), _table(folder, "transfers")
    back = transfers.pivot_table(
        index="source_component", columns="target_component", values="share_of_target"
    ).to_numpy()
    wide = donors.pivot_table(index=["side", "donor"], columns="component", values="share")
    return ((wide.loc["target"].to_numpy() @ back.T) > wide.loc["source"].to_numpy()).sum(0)


def _allowed(folder) -> dict[str, set[str]]:
    """Every number that may stand in the line of a subpopulation, recomputed from the TSVs."""
    factors, arrivals = _table(folder, "factors"), _table(folder, "arrivals")
    transfers, shifts = _table(folder, "transfers"), _table(folder, "shifts")
    found: dict[str, set[str]] = {}
    paired = make_verdict(read_results(folder)).findings[0].donors_paired
    up = _donors_up(folder) if paired else None
    for r in factors.itertuples():
        values = {
            f"{v:.0f}" if v >= 9.995 else f"{v:.2f}"
            for v in 2.0 ** np.array([r.log2_net, r.ci_low, r.ci_high])
            if np.isfinite(v)
        }
        values |= {_percent(r.share_source), _percent(r.share_target)}
        if np.isfinite(r.q):
            values.add(f"{r.q:.3f}" if r.q < 0.1 else f"{r.q:.2f}")
        if up is not None:
            values |= {str(paired), str(max(up[r.component], paired - up[r.component]))}
        mine = transfers.loc[transfers["source"] == r.name]
        if len(mine):
            main = mine.loc[mine["share_of_source"].idxmax()]
            values |= {_percent(main[c]) for c in ("share_of_source", "ci_low", "ci_high")}
            row = shifts.loc[(shifts["source"] == r.name) & (shifts["target"] == main["target"])]
            if len(row):
                first = row.iloc[0]
                columns = ("mean_shift_sd", "unbiased_shift_sd", "ci_low", "ci_high")
                values |= {f"{first[c]:.2f}" for c in columns if c in row}
        found[r.name] = values
    for r in arrivals.itertuples():
        found.setdefault(r.name, set()).update(
            {_percent(r.share_target), _percent(r.share_from_main_source)}
        )
    return found


def _percent(v: float) -> str:
    return f"{100 * v:.0f}" if 100 * v >= 9.95 else f"{100 * v:.1f}"


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


@pytest.mark.parametrize("case", ["donors", "paired", "none"])
def test_counts_of_the_opening_are_recomputed(made, case):
    folder, html = made(case)
    factors, shifts = _table(folder, "factors"), _table(folder, "shifts")
    transfers = _table(folder, "transfers")
    alive = factors.loc[factors["status"] != "gone"]
    if case == "none":
        up = (alive["log2_net"] >= np.log2(1.5)).sum()
        down = (alive["log2_net"] <= -np.log2(1.5)).sum()
    else:
        sure = alive.loc[alive["q"] < 0.05]
        up = (sure["ci_low"] + sure["ci_high"] > 0).sum()
        down = (sure["ci_low"] + sure["ci_high"] < 0).sum()
    main = transfers.loc[transfers.groupby("source")["share_of_source"].idxmax()]
    moved = main.merge(shifts, on=["source", "target"])
    moved = moved.loc[moved["source"].isin(alive["name"]) & (moved["mean_shift_sd"] >= 0.5)]
    groups = make_verdict(read_results(folder)).groups
    assert len(groups.more) == up
    assert len(groups.less) == down
    assert {f.name for f in groups.moved} == set(moved["source"])
    said = _said(html)
    for n, words in ((up, "more common"), (down, "rarer"), (len(moved), "changed state")):
        if n:
            assert re.search(rf"\b{n} [a-z ]*{words}", said)


def test_paired_donors_are_counted_as_they_went(made):
    folder, _ = made("paired")
    results = read_results(folder)
    up = _donors_up(folder)
    factors = _table(folder, "factors").set_index("name")
    for f in make_verdict(results).findings:
        if np.isfinite(f.share_source):
            k = int(factors.loc[f.name, "component"])
            assert (f.donors_up, f.donors_paired) == (up[k], 8)
    donors, transfers = _table(folder, "donors"), _table(folder, "transfers")
    back = transfers.pivot_table(
        index="source_component", columns="target_component", values="share_of_target"
    ).to_numpy()
    wide = donors.pivot_table(index=["side", "donor"], columns="component", values="share")
    after = wide.loc["target"].to_numpy() @ back.T
    carried = donor_pairs(results)
    target = carried.loc[carried["side"] == "target"].pivot_table(
        index="donor", columns="component", values="share"
    )
    np.testing.assert_allclose(target.to_numpy(), after)


def test_names_are_text_never_markup(made):
    _folder, html = made("nasty")
    parser = _parse(html)
    tags = [t for t, _ in parser.tags]
    assert tags.count("script") == 4
    assert not {"b", "i"} & set(tags)
    assert not any(k.startswith("on") for _, attrs in parser.tags for k in attrs)
    said = " ".join(parser.parts)
    for name in NASTY:
        assert name in said
    assert "49" not in [p.strip() for p in parser.parts]
    island = re.search(
        r'<script type="application/json" id="island">(.*?)</script>',
        html.read_text(encoding="utf-8"),
        re.DOTALL,
    ).group(1)
    assert "<" not in island
    names = json.loads(island)["names"]
    assert set(NASTY) <= set(names)


def test_no_address_but_references(made):
    for case in CASES:
        for tag, attrs in _parse(made(case)[1]).tags:
            for key in ("src", "href", "xlink:href", "srcset", "action"):
                value = attrs.get(key) or ""
                if value.startswith(("#", "data:")) or not value:
                    continue
                assert (tag, key) == ("a", "href")
                assert value.startswith(("https://doi.org/", "https://arxiv.org/"))


def test_size_budget(made):
    for case in CASES:
        size = made(case)[1].stat().st_size
        assert size < (5e6 if case in {"thirty", "sixty"} else 2e6), (case, size)


def test_same_input_same_file(made, tmp_path):
    folder, html = made("donors")
    again = build(folder, tmp_path / "again.html")
    assert again.read_bytes() == html.read_bytes()


def test_missing_numbers_say_why(made):
    for case in CASES:
        _, html = made(case)
        said = _said(html)
        assert not re.search(r"\b(nan|None|NaN|inf)\b", said), case
        source = html.read_text(encoding="utf-8")
        assert not re.search(r"<t[dh][^>]*>\s*</t[dh]>", source), case
    _folder, html = made("few")
    assert "Fewer than 3 donors in a condition: no interval." in _said(html)
    assert "Too few donors for intervals" in _said(html)
    assert "Seen in fewer than 2 donors of a side: no interval." in _said(made("donors")[1])


def test_words_for_absent_things(made):
    said = _said(made("none")[1])
    assert "No donor column was given" in said
    assert "not tested" in said
    assert "95% intervals with the donor as the unit" not in said
    assert "No intervals or tests are reported for prevalence." in said
    said = _said(made("two")[1])
    assert "Genes behind the shifts were not computed" in said
    said = _said(made("flat")[1])
    assert "Nothing clear changed between ctrl and stim." in said
    said = _said(made("empty")[1])
    assert "No pair of subpopulations is matched closely enough" in said
    assert "The fit did not converge" in said
    assert "No mass was matched" in said


def test_statements_that_must_always_stand(made):
    for case in CASES:
        said = _said(made(case)[1])
        assert "factors are relative" in said.lower()
        assert "without any penalty" in said
        assert "Delon" in said
        assert "Chizat" in said
        assert "snakemake --cores 2" in said
        assert "ab" * 32 in said
        assert "How to read this." in said
    assert "the donor as the unit" in _said(made("donors")[1])


def test_methods_use_the_real_parameters(made, tmp_path):
    _folder, html = made("donors")
    said = _said(html)
    for piece in ("λ = 0.03", "ε = 0.05", "ρ = 2", "F = 0.91", "Welch's t-test over 5 and 5 donors",
                  "at least 200 genes", "12 and 12 components", "version 1.11.5",
                  "Kang HM"):  # fmt: skip
        assert piece in said, piece
    assert "components of 2 000 highly variable genes" in said
    folder = make_folder(tmp_path / "a", k=3, n_cells=300, paired=True, donors=8)
    _change(folder, representation={"n_genes_used": 900})
    assert "components of all 900 genes" in _said(build(folder, tmp_path / "b.html"))
    assert "paired t-test over the 8 donors" in _said(build(folder, tmp_path / "a.html"))
    assert "Five times the typical spread" in said


def test_common_genes_are_named(made):
    folder, _ = made("donors")
    verdict = make_verdict(read_results(folder))
    assert {g for g, _, _ in verdict.common_genes} == set(COMMON)


def test_truth_error_is_recomputed(made):
    folder, html = made("donors")
    truth = json.loads((folder / "report.json").read_text())["truth"]
    factors = _table(folder, "factors")
    error = np.sqrt(np.mean((factors["log2_net"] - np.array(truth["log2_net"])) ** 2))
    assert f"is {error:.2f} on the log2 scale" in _said(html)


def _alerts(folder) -> list[str]:
    return [a.title for a in make_claims(read_results(folder)).alerts]


def _change(folder, **changes):
    path = folder / "report.json"
    meta = json.loads(path.read_text())
    for key, value in changes.items():
        meta[key] = {**meta[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(meta))


def test_alerts_only_where_something_is_wrong(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=4000, flat=True)
    assert _alerts(folder) == []
    assert 'id="alerts"' not in build(folder, tmp_path / "a.html").read_text(encoding="utf-8")
    _change(folder, fit={"converged": False}, n_cells={"source": 90})
    factors = pd.read_csv(folder / "factors.tsv", sep="\t", keep_default_na=False)
    factors["settled"] = [True, False, True, True]
    factors.to_csv(folder / "factors.tsv", sep="\t", index=False)
    samples = json.loads((folder / "report.json").read_text())["samples"]
    samples[0].update(batch="b1", n_cells_kept=100)
    samples[1].update(batch="b2")
    _change(folder, samples=samples, notices=[{"level": "warning", "text": "t", "advice": "a"}])
    found = _alerts(folder)
    assert found[:2] == ["The fit did not converge", "Batch and condition cannot be told apart"]
    assert {
        "Factors that are not settled",
        "Few cells",
        "Quality control removed most cells of a sample",
        "Warning from the pipeline",
    } <= set(found)
    assert all(a.advice for a in make_claims(read_results(folder)).alerts)


def test_broken_folders_are_refused_with_a_sentence(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300)
    (folder / "cells.tsv.gz").unlink()
    build(folder, tmp_path / "no_cells.html")
    assert "no coordinates to draw" in _said(tmp_path / "no_cells.html")
    factors = (folder / "factors.tsv").read_text()
    (folder / "factors.tsv").write_text(factors.replace("log2_net", "lfc"))
    with pytest.raises(ValueError, match=r"factors.tsv lacks the column 'log2_net'"):
        build(folder, tmp_path / "x.html")
    (folder / "factors.tsv").write_text(factors.replace("CD4 Naive T", "CD14 Mono"))
    with pytest.raises(ValueError, match="stands for two components"):
        build(folder, tmp_path / "x.html")
    (folder / "factors.tsv").write_text(factors.replace("CD4 Naive T", "other"))
    (folder / "arrivals.tsv").write_text(
        (folder / "arrivals.tsv").read_text().replace("CD4 Naive T", "other")
    )
    with pytest.raises(ValueError, match="the tables come from different fits"):
        build(folder, tmp_path / "x.html")
    (folder / "report.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        build(folder, tmp_path / "x.html")
    (folder / "report.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no report\.json"):
        build(folder, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
    with pytest.raises(ValueError, match="give one report each"):
        build_index([folder], [], tmp_path / "index.html")


def test_index_without_comparisons(tmp_path):
    out = build_index([], [], tmp_path / "index.html")
    assert "No comparison has been run yet." in _said(out)


def test_numbers_in_words():
    assert [text.ratio(v) for v in (0.001, 0.042, 0.95, 0.999, 1.26, 12.3, 5000)] == [
        "under 0.01", "0.04", "0.95", "1.00", "1.26", "12", "over 1000",
    ]  # fmt: skip
    assert [text.percent(v) for v in (0.0, 0.0004, 0.0042, 0.0996, 0.314, 1.0)] == [
        "0%", "<0.1%", "0.4%", "10%", "31%", "100%",
    ]  # fmt: skip
    assert text.fixed(-0.001) == "0.00"
    assert text.fixed(-1.25, 1) == "\u22121.2"
    assert text.join(["a", "b", "c"]) == "a, b and c"


def test_labels_are_spread_and_ticks_are_round():
    placed = spread([5.0, 6.0, 7.0, 50.0, 99.0, 99.5], 10.0, 0.0, 100.0)
    assert np.all(np.diff(placed) >= 10.0 - 1e-9)
    assert min(placed) >= 0
    assert max(placed) <= 100
    assert spread([], 10.0, 0.0, 1.0) == []
    assert ticks(0.0, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert str(el("a", "<x>", href='"&')) == '<a href="&#34;&amp;">&lt;x&gt;</a>'


def test_an_untestable_difference_is_not_counted_as_a_result(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False)
    table = pd.read_csv(folder / "factors.tsv", sep="\t", keep_default_na=False)
    table = table.astype(
        dict.fromkeys(("log2_net", "ci_low", "ci_high", "p", "q", "reason"), object)
    )
    table.loc[0, ["log2_net", "ci_low", "ci_high", "p", "q"]] = [2.0, "", "", "", ""]
    table.loc[0, "reason"] = "Fewer than 20 cells in a side: no interval."
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    verdict = make_verdict(read_results(folder))
    name = table.loc[0, "name"]
    assert verdict.tested
    assert name not in {f.name for f in verdict.groups.more}
    assert [f.name for f in verdict.groups.untested] == [name]
    said = _said(build(folder, tmp_path / "a.html"))
    assert f"not testable: {name}." in said
    assert "Fewer than 20 cells in a side: no interval." in said
