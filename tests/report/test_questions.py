"""A reader finds the answer to every question of docs/dev/questions.md within two clicks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cgmm.report import build_index

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "dev" / "questions.md"
REPORTS = sorted(p for p in (ROOT / "reports").glob("*.html") if p.name != "index.html")


def chip(words: str) -> str:
    return f".questions a:has-text('{words}')"


def link(words: str) -> str:
    return f".side a:has-text('{words}')"


BALANCE = ".answers > div:nth-child(1)"
#: question -> clicks, element with the answer, what it says
ANSWERS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "What grew most?": (
        (),
        BALANCE,
        r"growth|Most above|1.5-fold larger|No clear change|No factor",
    ),
    "What shrank most?": (
        (),
        BALANCE,
        r"loss|Most below|1.5-fold smaller|No clear change|No factor",
    ),
    "How sure is it?": ((), ".answers > div:last-child", r"interval|donors"),
    "Which genes?": ((".side a[href='#genes']",), "#genes", "behind the shifts|were not computed"),
    "Does every donor show it?": (
        (".finding .name", chip("Which donor disagrees?")),
        "#donors",
        r"one dot per donor|No donor column was given",
    ),
    "Which donor disagrees?": ((chip("Which donor disagrees?"),), "#donors", r"[Dd]onor"),
    "Is it a batch?": ((link("Samples"),), "#qc", r"\bBatch\b|No batches were given"),
    "Are the samples good?": ((link("Samples"),), "#t-samples thead", "Cells kept"),
    "Which pathway?": (
        (chip("Which pathway?"),),
        "#fig-gene-sets",
        r"more than other genes|gene_sets: my_sets.gmt|none could be tested|too few for a test",
    ),
    "What settings were used?": (
        (link("Parameters, versions"), "summary:has-text('Parameters used')"),
        "#provenance",
        "rho",
    ),
    "What do I write in the methods?": (
        (chip("What do I write in the methods?"),),
        "#methods-text",
        "mixture",
    ),
    "Where are the numbers?": ((link("Downloads"),), "#downloads", r"factors\.tsv"),
    "Who became whom?": ((".side a[href='#flow']",), "#fig-flow", r"Flow from|[Cc]orrespond"),
    "What should I check next?": (
        (chip("What should I check next?"),),
        "#alerts",
        r"What to do|No check of this page|\w+ from the pipeline",
    ),
}
ELSEWHERE = {"How does another comparison answer?"}


def questions() -> dict[str, str]:
    """Questions of the page, each with its clicks."""
    rows = re.findall(
        r"^\| ([^|]+\?) \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return dict(rows)


def check(page: Any, question: str) -> None:
    clicks, answer, words = ANSWERS[question]
    assert len(clicks) <= 2
    for selector in clicks:
        page.locator(selector).first.click()
    found = page.locator(answer).first
    assert found.is_visible(), question
    assert re.search(words, found.inner_text()), question
    if clicks:  # the answer is on the screen, not only somewhere on the page
        box = found.bounding_box()
        assert box["y"] < 900, question
        assert box["y"] + box["height"] > 0, question


def test_the_page_has_fifteen_questions_and_each_has_an_answer() -> None:
    listed = questions()
    assert len(listed) == 15
    assert set(listed) == ANSWERS.keys() | ELSEWHERE
    for question, (clicks, _, _) in ANSWERS.items():
        assert (listed[question] == "none") == (not clicks), question


@pytest.mark.parametrize("case", ["paired", "none"])
def test_every_question_has_its_answer_within_two_clicks(made, open_page, case):
    page = open_page(made(case)[1], reduced_motion="reduce")
    for question in ANSWERS:
        page.evaluate("history.replaceState(null, '', ' '); scrollTo(0, 0)")
        check(page, question)
    assert page.faults == []


@pytest.mark.skipif(not REPORTS, reason="no reports of the demo: run `make demo`")
@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_reports_of_the_demo_answer_too(open_page, report):
    page = open_page(report, reduced_motion="reduce")
    for question in ANSWERS:
        page.evaluate("scrollTo(0, 0)")
        check(page, question)


def test_every_donor_of_a_population_is_one_click_away(made, open_page):
    page = open_page(made("paired")[1])
    page.locator(".finding .name").first.click()
    page.locator(chip("Which donor disagrees?")).click()
    lit = page.locator("#fig-donors-panels .mark.is-on")
    assert lit.count() == 1
    assert lit.locator("circle.donor").count() == 16  # eight donors, both conditions


def test_the_index_sets_comparisons_side_by_side(made, open_page, tmp_path):
    pairs = [made("donors"), made("two")]
    out = build_index([p[0] for p in pairs], [p[1] for p in pairs], tmp_path / "index.html")
    page = open_page(out)
    assert page.locator("#t-across tbody tr").count() > 1


def test_axe_finds_nothing(made, open_page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(open_page(made("paired")[1]))
    assert found.violations_count == 0, found.generate_report()


SLOWNESS = """() => {
  const start = performance.now(); let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += Math.sqrt(i);
  return sum > 0 ? performance.now() - start : 0;
}"""
NOMINAL = 60.0  # ms of that loop on an idle core
WATCH = """() => { window.tasks = []; new PerformanceObserver(list => {
  for (const e of list.getEntries()) tasks.push(e.duration); }).observe({type: "longtask"}); }"""


def test_thirty_populations_are_quick_to_open_and_to_select(made, open_page):
    """Limits of an idle machine, times how much slower this one is while the test runs."""
    page = open_page(made("thirty")[1])
    assert made("thirty")[1].stat().st_size < 5e6
    first = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]"
    )
    slower = [page.evaluate(SLOWNESS) / NOMINAL]
    page.evaluate(WATCH)
    for index in range(0, 30, 3):
        page.select_option("#pick", str(index))
        page.wait_for_timeout(30)
    slower.append(page.evaluate(SLOWNESS) / NOMINAL)
    factor = max(1.0, *slower)
    assert first < 1000 * factor
    assert max(page.evaluate("window.tasks"), default=0.0) < 200 * factor
