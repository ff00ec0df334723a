"""The report in a real browser."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from cgmm.report import build_index
from cgmm.results.read import read_results
from tests.report.conftest import CASES


@pytest.mark.parametrize("case", CASES)
def test_opens_clean_and_alone(made, open_page, case):
    _folder, html = made(case)
    page = open_page(html)
    assert page.faults == []
    assert [u for u in page.asked if not u.startswith(("data:", "blob:"))] == [html.as_uri()]
    assert page.evaluate("window.broken") is None
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    # every id is used once and every label points somewhere
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    refs = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')]"
        ".flatMap(e => e.getAttribute('aria-labelledby').split(' '))"
    )
    assert set(refs) <= set(ids)
    targets = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
    )
    assert set(targets) <= set(ids)


@pytest.mark.parametrize("case", ["donors", "nasty", "sixty"])
def test_fits_a_phone(made, open_page, case):
    page = open_page(made(case)[1], viewport={"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_selection_reaches_every_figure_and_table(made, open_page):
    folder, html = made("donors")
    names = [s.name for s in read_results(folder).populations]
    index = names.index("B")
    page = open_page(html)
    page.locator("#factors tbody tr", has_text="CD8 T").first.click()
    assert page.input_value("#pick") == str(names.index("CD8 T"))
    page.select_option("#pick", str(index))
    for figure in (
        "flow", "transfers-map", "factors-forest", "shifts-bars", "gene-map", "donors-panels",
        "truth-plot", "map-pc", "map-moves", "map-umap", "sensitivity",
    ):  # fmt: skip
        marks = page.locator(f"#fig-{figure} .mark.is-on")
        assert marks.count() > 0, figure
        subs = marks.evaluate_all("ms => ms.map(m => [m.dataset.s, m.dataset.t])")
        assert all(str(index) in pair for pair in subs), figure
        dim = page.locator(f"#fig-{figure} .mark:not(.is-on)").first
        assert float(dim.evaluate("e => getComputedStyle(e).opacity")) < 0.3
    for table in (
        "t-factors", "t-states", "t-transfers", "t-shifts", "t-genes", "t-donors",
        "t-components", "t-influence", "t-sensitivity", "t-truth",
    ):  # fmt: skip
        rows = page.locator(f"#{table} tr.is-on")
        assert rows.count() > 0, table
        assert all("B" in t for t in rows.all_text_contents())
    assert "B:" in page.inner_text("#said")
    drawn = page.evaluate(
        "[...document.querySelectorAll('.plot canvas')].map(c => c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data.some(v => v > 0))"
    )
    assert len(drawn) >= 5
    assert all(drawn)
    page.keyboard.press("Escape")
    assert page.locator(".is-on").count() == 0
    assert page.locator("#clear").is_hidden()
    assert page.faults == []


def test_selection_by_keyboard_and_by_click_on_a_ribbon(made, open_page):
    page = open_page(made("donors")[1])
    page.locator(".finding .name").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.input_value("#pick") == "2"
    page.keyboard.press("Escape")
    page.locator("#fig-flow .ribbon").first.click()
    assert page.input_value("#pick") == page.locator("#fig-flow .ribbon").first.get_attribute(
        "data-s"
    )


def test_sort_filter_and_download(made, open_page, tmp_path):
    folder, html = made("donors")
    page = open_page(html)
    factors = pd.read_csv(folder / "factors.tsv", sep="\t")
    names = page.locator("#t-factors tbody th")
    head = page.locator("#t-factors thead th", has_text="Net factor")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    wanted = factors.sort_values("log2_net", ascending=False)["name"].tolist()
    assert names.all_inner_texts() == wanted
    head.locator("button").click()
    assert names.all_inner_texts() == wanted[::-1]
    # a missing interval stays last in both directions
    interval = page.locator("#t-factors thead th", has_text="95% interval").locator("button")
    missing = factors.loc[factors["ci_low"].isna(), "name"].tolist()
    for _ in range(2):
        interval.click()
        assert names.all_inner_texts()[-len(missing) :] == missing
    page.fill("#t-factors [data-filter]", "mono")
    visible = page.locator("#t-factors tbody tr:visible")
    assert visible.count() == 2
    assert page.inner_text("#t-factors [data-shown]") == "2 of 12 rows"
    with page.expect_download() as caught:
        page.click("#t-factors [data-csv]")
    saved = tmp_path / caught.value.suggested_filename
    caught.value.save_as(saved)
    assert saved.name == "donors_factors.csv"
    with saved.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert sorted(r["Population"] for r in rows) == ["CD14 Mono", "CD16 Mono"]
    net = dict(zip(factors["name"], factors["log2_net"], strict=True))
    for r in rows:
        assert float(r["Net factor"]) == pytest.approx(net[r["Population"]])
    assert page.faults == []


def test_saved_tables_hold_no_formula(made, open_page, tmp_path):
    _folder, html = made("nasty")
    page = open_page(html)
    first = "document.querySelector('#t-factors tbody th, #t-factors tbody td')"
    page.evaluate(f"{first}.textContent = '-1+cmd|x'")
    with page.expect_download() as caught:
        page.locator("#t-factors [data-csv]").evaluate("button => button.click()")
    caught.value.save_as(tmp_path / "factors.csv")
    with (tmp_path / "factors.csv").open(encoding="utf-8-sig", newline="") as handle:
        cells = [cell for row in csv.reader(handle) for cell in row]
    assert "'=HYPERLINK(1)" in cells
    assert "'-1+cmd|x" in cells
    assert not any(re.match(r"[=+@]|-(?![\d.]+(e-?\d+)?$)", cell) for cell in cells)


def test_data_links_hold_the_files(made, open_page, tmp_path):
    folder, html = made("donors")
    n_links = open_page(html).locator("#downloads a[download]").count()
    seen = set()
    for i in range(n_links):
        if i % 6 == 0:  # Chromium holds back the eleventh download of a page
            page = open_page(html)
        with page.expect_download() as caught:
            page.locator("#downloads a[download]").nth(i).click()
        path = tmp_path / caught.value.suggested_filename
        caught.value.save_as(path)
        name = path.name.removeprefix("donors_")
        content = path.read_bytes()
        if name.removesuffix(".gz") == "findings.json":  # made with the page, not before it
            raw = gzip.decompress(content) if name.endswith(".gz") else content
            assert json.loads(raw)["format"] == "cgmm findings"
            continue
        if not (folder / name).exists():
            name, content = name.removesuffix(".gz"), gzip.decompress(content)
        assert content == (folder / name).read_bytes()
        seen.add(name)
    assert seen == {p.name for p in folder.iterdir()}


@pytest.mark.parametrize("figure", ["flow", "map-pc"])
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figures_can_be_saved(made, open_page, tmp_path, figure, kind):
    page = open_page(made("donors")[1])
    page.select_option("#pick", "1")
    with page.expect_download() as caught:
        page.click(f"#fig-{figure} [data-save={kind}]")
    path = tmp_path / caught.value.suggested_filename
    caught.value.save_as(path)
    assert path.name == f"donors_{figure}.{kind}"
    content = path.read_bytes()
    if kind == "png":
        assert content.startswith(b"\x89PNG")
        assert len(content) > 10_000
    else:
        alone = open_page(path)
        assert alone.evaluate("document.documentElement.tagName") == "svg"
        ink = alone.evaluate("getComputedStyle(document.querySelector('text')).fill")
        assert ink != "rgb(0, 0, 0)"
        assert alone.faults == []


def test_heatmap_modes(made, open_page):
    folder, html = made("donors")
    transfers = pd.read_csv(folder / "transfers.tsv", sep="\t")
    row = transfers.loc[(transfers["source"] == "B") & (transfers["target"] == "B Activated")]
    page = open_page(html)
    names = [s.name for s in read_results(folder).populations]
    cell = page.locator(
        f'#fig-transfers-map svg:not(.narrow) .cell[data-s="{names.index("B")}"]'
        f'[data-t="{names.index("B Activated")}"] text'
    )
    for button, column in (("of stim", "share_of_target"), ("of ctrl", "share_of_source")):
        page.click(f"#fig-transfers-map button:text-is('{button}')")
        assert float(cell.text_content()) == pytest.approx(100 * row[column].iloc[0], abs=0.51)


def test_dark_and_light(made, open_page):
    html = made("donors")[1]
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = open_page(html, color_scheme="dark")
    light = open_page(html, color_scheme="light")
    night, day = dark.evaluate(paper), light.evaluate(paper)
    assert night != day
    dark.click("#theme")
    assert dark.evaluate(paper) == day
    dark.click("#theme")
    assert dark.evaluate(paper) == night


CONTRAST = """
() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const bad = [];
  for (const e of document.querySelectorAll('main *, .bar *, nav *')) {
    if (e.closest('svg') || e.closest('.sr') || !e.checkVisibility()) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    let back = null;
    for (let p = e; p; p = p.parentElement) { const c = parse(getComputedStyle(p).backgroundColor); if (c[3] === 1) { back = c; break; } }
    const a = lum(parse(getComputedStyle(e).color)), b = lum(back || [255, 255, 255]);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return bad;
}
"""  # noqa: E501


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_and_controls_have_names(made, open_page, scheme):
    page = open_page(made("empty")[1], color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a, input, select, img, svg[role=img]')].filter(e =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.alt || e.labels?.length))"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []


def test_without_javascript_all_content_is_there(made, open_page):
    folder, html = made("nasty")
    page = open_page(html, java_script_enabled=False)
    source = html.read_text(encoding="utf-8")
    assert source.count('class="js-only') + source.count(" js-only") > 3
    assert page.locator(".js-only:visible").count() == 0
    for sub in read_results(folder).populations:
        assert page.locator(".finding", has_text=sub.name).count() >= 1
    assert page.locator(".plot img").count() == page.locator(".plot").count() >= 7
    files = len(list(folder.iterdir())) + 1  # findings.json is made with the page
    assert page.locator("#downloads a[download]").count() == files
    assert page.locator("#t-transfers tbody tr").count() >= 12
    assert page.locator("#fig-flow .ribbon title").count() > 0


def test_prints_to_pdf(made, open_page, tmp_path):
    page = open_page(made("donors")[1])
    page.emulate_media(media="print")
    assert page.locator(".bar:visible, .side:visible, .js-only:visible").count() == 0
    pdf = page.pdf(path=str(tmp_path / "r.pdf"), format="A4", print_background=True)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") < 28


def test_index_links_to_the_reports(made, open_page, tmp_path):
    pairs = [made("donors"), made("nasty"), made("none")]
    out = pairs[0][1].parent / "index.html"
    build_index([p[0] for p in pairs], [p[1] for p in pairs], out)
    page = open_page(out)
    assert page.faults == []
    assert page.locator("article.card").count() == 3
    links = page.locator("article h2 a")
    assert [links.nth(i).get_attribute("href") for i in range(3)] == [
        "donors.html",
        "nasty.html",
        "none.html",
    ]
    links.nth(1).click()
    assert Path(page.url).name == "nasty.html"
