"""Size and speed of a large report in a browser.

python benchmarks/page.py

Makes a report of 30 populations, 20,000 drawn cells, and 3,000 genes with the values of 8 donors in
both conditions; opens it three times in Chromium. The time of a loop beside each row is how slow
the machine was then: about 60 ms on an idle core.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from _common import HERE, publish

sys.path.insert(0, str(HERE.parent))

from cgmm.report import build
from tests.report.folders import make_folder, write_gene_donors

N_GENES, N_POPULATIONS, DONORS = 3000, 30, [f"donor{i + 1}" for i in range(8)]
LOOP = """() => { const t = performance.now(); let s = 0;
for (let i = 0; i < 2e7; i++) s += Math.sqrt(i); return performance.now() - t; }"""
WATCH = """() => { window.tasks = []; new PerformanceObserver(list => {
for (const e of list.getEntries()) tasks.push(e.duration); }).observe({type: "longtask"}); }"""
LONGEST = "() => { const t = Math.max(0, ...window.tasks); window.tasks.length = 0; return t; }"


def made(folder: Path) -> Path:
    """Return the page."""
    make_folder(folder, k=30, n_cells=24_000, donors=8, paired=True, intervals=True)
    genes = pd.read_csv(folder / "genes.tsv", sep="\t")
    rng = np.random.default_rng(0)
    each = N_GENES // N_POPULATIONS
    first = genes.drop_duplicates("name")
    more = first.loc[first.index.repeat(each)].reset_index(drop=True)
    more["gene"] = [f"GENE{i:04}" for i in range(len(more))]
    more["log2_change"] = rng.normal(0, 1, len(more))
    more["de_q"] = rng.uniform(0, 1, len(more)) ** 3
    more["rank"] = 20 + np.arange(len(more)) % each
    more["scope"] = "specific"
    genes = pd.concat([genes, more], ignore_index=True)
    genes.to_csv(folder / "genes.tsv", sep="\t", index=False)
    pairs = pd.MultiIndex.from_product(
        [first["name"], genes["gene"].unique()], names=["name", "gene"]
    ).to_frame(index=False)
    pairs = pairs.assign(mean_source=2.0, mean_target=2.5)
    write_gene_donors(folder, pairs, DONORS, DONORS)
    return build(folder, folder.parent / "page.html")


def rows(page: Path) -> list[str]:
    """Return one line per opening of the page."""
    from playwright.sync_api import sync_playwright

    lines = []
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(3):
            view = browser.new_page(viewport={"width": 1280, "height": 900})
            asked: list[str] = []
            view.on("request", lambda request, asked=asked: asked.append(request.url))
            view.goto(page.as_uri())
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            first = view.evaluate(paint)
            view.evaluate(WATCH)
            longest = []
            for index in range(0, N_POPULATIONS, 3):
                view.select_option("#pick", str(index))
                view.wait_for_timeout(40)
            longest.append(view.evaluate(LONGEST))
            view.fill("#gene-name", "GENE0310")
            view.keyboard.press("Enter")
            view.wait_for_timeout(400)
            longest.append(view.evaluate(LONGEST))
            view.select_option("#colour-by", "2")
            view.wait_for_timeout(500)
            longest.append(view.evaluate(LONGEST))
            n = len([url for url in asked if not url.startswith(("data:", "blob:"))]) - 1
            numbers = [first, *longest, view.evaluate(LOOP)]
            lines.append("".join(f"{v:12.0f}" for v in numbers) + f"{n:12d}")
            view.close()
        browser.close()
    return lines


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        page = made(Path(where) / "large")
        heads = ("first paint", "selecting", "a gene", "a colour", "loop", "requests")
        size = f"{page.stat().st_size / 1e6:.2f} MB; below, milliseconds to the first paint, of the"
        title = f"30 populations, 20,000 cells, 3,000 genes in 8 + 8 donors: {size} longest task"
        table = ["".join(f"{head:>12}" for head in heads), *rows(page)]
    publish("page", title, table)
