from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from cgmm.report import build
from tests.report.folders import make_folder

CASES = {
    "donors": {"truth": True},
    "paired": {"paired": True, "donors": 8, "intervals": True},
    "none": {"donors": 0, "n_cells": 3000, "sensitivity": False, "annotated": False},
    "few": {"donors": 2, "n_cells": 2000},
    "two": {"k": 2, "donors": 0, "genes": False},
    "thirty": {"k": 30, "n_cells": 24_000, "intervals": True},
    "sixty": {"k": 60, "n_cells": 24_000},
    "nasty": {"nasty": True},
    "flat": {"flat": True, "n_cells": 3000},
    "empty": {"empty_transfers": True, "n_cells": 2000, "converged": False},
}


@pytest.fixture(scope="session")
def made(once):
    """Builds each case once; returns its results folder and its HTML file."""

    def make(name: str) -> tuple[Path, Path]:
        def both(folder: Path) -> None:
            build(make_folder(folder / name, **CASES[name]), page_in(folder))

        def page_in(folder: Path) -> Path:
            return folder.parent / "report" / f"{name}.html"

        folder = once(f"report-{name}", both)
        return folder / name, page_in(folder)

    return make


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; the tests that need it are skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for n in names if (found := shutil.which(n))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is on the PATH")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe():
    """Source of axe-core, from the Python package that carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None:
        pytest.skip("axe-playwright-python, which carries axe-core, is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def open_page(browser):
    """Opens a file and watches it: `page.faults` and `page.requests` collect what went wrong."""
    contexts = []

    def visit(path: Path, **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.faults, page.asked = [], []
        page.on(
            "console",
            lambda m: page.faults.append(m.text) if m.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda e: page.faults.append(str(e)))
        page.on("request", lambda r: page.asked.append(r.url))
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
