"""What a reader meets: speed, accessibility, answers within two clicks, the index."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

from cgmm.report import build_index
from cgmm.results.read import read_results

FAULTS = """
async () => (await axe.run()).violations
  .filter(v => ["serious", "critical", "moderate"].includes(v.impact))
  .map(v => [v.impact, v.id, v.nodes[0].html.slice(0, 120)])
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LOAD = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@pytest.fixture
def index(made, tmp_path):
    pairs = [made("donors"), made("none"), made("nasty")]
    return build_index([p[0] for p in pairs], [p[1] for p in pairs], tmp_path / "index.html")


@pytest.mark.parametrize(
    ("case", "scheme"), [("two", "dark"), ("empty", "light"), ("few", "dark"), ("paired", "light")]
)
def test_axe_finds_nothing_in_a_report(made, open_page, axe, case, scheme):
    page = open_page(made(case)[1], color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.select_option("#pick", "1")
    page.evaluate(axe)
    assert page.evaluate(FAULTS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_index(index, open_page, axe, scheme):
    page = open_page(index, color_scheme=scheme, bypass_csp=True)
    page.evaluate(axe)
    assert page.evaluate(FAULTS) == []


def test_thirty_populations_and_20000_cells_open_fast(made, open_page):
    folder, html = made("thirty")
    assert len(read_results(folder).cells) == 20_000
    assert html.stat().st_size < 5e6
    paint, load = [], []
    for _ in range(3):
        page = open_page(html)
        page.wait_for_function(f"{PAINT} !== undefined")
        paint.append(page.evaluate(PAINT))
        load.append(page.evaluate(LOAD))
        assert page.faults == []
    assert min(paint) < 1000, paint
    assert min(load) < 2000, load


@pytest.mark.parametrize(
    ("question", "section"),
    [
        ("how sure", "#t-factors"),
        ("Which genes", "#fig-gene-map"),
        ("What is each", "#t-components tbody"),
        ("Which donor", "#t-influence"),
        ("other settings", "#fig-sensitivity"),
        ("methods", "#methods-text"),
    ],
)
def test_questions_are_one_click_from_the_verdict(made, open_page, question, section):
    page = open_page(made("donors")[1], reduced_motion="reduce")
    page.locator(".questions a", has_text=question).click()
    place = page.locator(section).evaluate("e => e.getBoundingClientRect().top")
    assert -10 <= place < 2.2 * 900
    assert page.locator(section).is_visible()


def test_the_question_about_genes_is_not_asked_without_genes(made, open_page):
    page = open_page(made("two")[1])
    asked = page.locator(".questions a").all_inner_texts()
    assert len(asked) >= 5
    assert not [question for question in asked if "gene" in question]


def test_only_the_highlighted_rows(made, open_page):
    folder, html = made("donors")
    names = [s.name for s in read_results(folder).populations]
    page = open_page(html)
    page.evaluate("document.getElementById('t-transfers').open = true")
    button = page.locator("#t-transfers [data-only]")
    assert button.is_disabled()
    page.select_option("#pick", str(names.index("B")))
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    shown = page.locator("#t-transfers tbody tr:visible")
    assert 0 < shown.count() < page.locator("#t-transfers tbody tr").count()
    for i in range(shown.count()):
        cells = shown.nth(i).locator("th, td").all_inner_texts()
        assert "B" in cells[:2]
    page.select_option("#pick", str(names.index("NK")))
    assert all("NK" in t for t in shown.all_inner_texts())
    page.keyboard.press("Escape")
    assert shown.count() == page.locator("#t-transfers tbody tr").count()


def test_hover_shows_the_number_of_the_table(made, open_page):
    folder, html = made("donors")
    factors = pd.read_csv(folder / "factors.tsv", sep="\t").set_index("name")
    names = [s.name for s in read_results(folder).populations]
    page = open_page(html)
    row = page.locator(f'#fig-sensitivity .row[data-s="{names.index("B")}"] .fitted')
    row.scroll_into_view_if_needed()
    row.hover(force=True)
    assert page.inner_text("#tip") == f"B: ×{2 ** factors.loc['B', 'log2_net']:.2f} in this report"
    head = page.locator("#t-factors thead th", has_text="Net factor").locator("button")
    assert head.get_attribute("aria-description") == "Share in stim divided by share in ctrl"
    head.hover()
    assert page.inner_text("#tip") == "Share in stim divided by share in ctrl"


def test_donor_notices_are_shown_as_text(made, open_page):
    page = open_page(made("paired")[1])
    assert page.inner_text("#donors .notice") == "Donor <b>d9</b> has 12 cells and was left out."
    assert page.locator("#donors b").count() == 0


def test_the_index_sorts_filters_saves_and_fits(index, open_page, tmp_path):
    page = open_page(index)
    assert page.faults == []
    assert page.asked == [index.as_uri()]
    page.locator("#t-overview thead th", has_text="Cells").first.locator("button").click()
    cells = [int(t.replace("\u202f", "")) for t in
             page.locator("#t-overview tbody tr td:nth-child(2)").all_inner_texts()]  # fmt: skip
    assert cells == sorted(cells, reverse=True)
    page.fill("#t-overview [data-filter]", "none given")
    assert page.locator("#t-overview tbody tr:visible").count() == 1
    with page.expect_download() as caught:
        page.click("#t-overview [data-csv]")
    saved = tmp_path / caught.value.suggested_filename
    caught.value.save_as(saved)
    assert saved.name == "cgmm_comparisons.csv"
    with saved.open(encoding="utf-8-sig", newline="") as handle:
        assert len(list(csv.DictReader(handle))) == 1
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.locator("#t-overview tbody tr:visible a").click()
    assert page.locator("#verdict").count() == 1
    narrow = open_page(index, viewport={"width": 375, "height": 800})
    assert narrow.evaluate("document.documentElement.scrollWidth") == 375
    plain = open_page(index, java_script_enabled=False)
    assert plain.locator("#t-overview tbody tr").count() == 3
    assert plain.locator(".js-only:visible").count() == 0


def test_print_is_whole(made, open_page, tmp_path):
    page = open_page(made("paired")[1], color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".questions:visible, .tbl-tools:visible, .fig-tools:visible").count() == 0
    wide = page.evaluate(
        "[...document.querySelectorAll('.fig-scroll svg')].filter(s => s.checkVisibility() && "
        "s.getBoundingClientRect().width > document.querySelector('main').clientWidth + 1).length"
    )
    assert wide == 0
    pdf = page.pdf(path=str(tmp_path / "r.pdf"), format="A4", print_background=True)
    assert pdf.startswith(b"%PDF")
