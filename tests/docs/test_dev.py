"""The pages for contributors, and the README, name the folders and files that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "docs" / "dev"
PAGES = sorted(DEV.glob("*.md"))
PACKAGE = ROOT / "cgmm"
PATH = re.compile(
    r"`((?:cgmm|workflow|config|envs|tests|benchmarks|docs|reports|\.github)/[^`\s]*)`"
)
ROOT_FILE = re.compile(r"`([A-Z]+\.md|CITATION\.cff|pyproject\.toml|Makefile|\.[a-z-]+\.yaml)`")


def folders() -> set[str]:
    """Folders of the module, and the modules beside them."""
    found = {p.name + "/" for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    return found | {p.name for p in PACKAGE.glob("*.py") if p.name != "__init__.py"}


def blocks(text: str) -> list[str]:
    """Return the content of every fenced block."""
    parts = re.split(r"^```.*$", text, flags=re.MULTILINE)
    return [part.lstrip("\n") for part in parts[1::2]]


def drawn(text: str) -> tuple[list[str], list[str]]:
    """Names in the tree of the module, and those one level below them."""
    tree = next(block for block in blocks(text) if block.startswith("cgmm/\n"))
    lines = tree.splitlines()[1:]
    top = [line.split()[0] for line in lines if re.match(r"  \S", line)]
    below = [line.split()[0] for line in lines if re.match(r"    \S", line)]
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines), "a line explains its folder"
    return top, below


@pytest.mark.parametrize(
    "page", [DEV / "architecture.md", ROOT / "README.md"], ids=lambda p: p.name
)
def test_the_tree_is_that_of_the_module(page: Path) -> None:
    top, _ = drawn(page.read_text("utf-8"))
    assert len(top) == len(set(top))
    assert set(top) == folders()


def test_the_tree_of_the_report_is_that_of_its_folder() -> None:
    _, below = drawn((DEV / "architecture.md").read_text("utf-8"))
    report = PACKAGE / "report"
    assert set(below) == {
        p.name + "/" for p in report.iterdir() if p.is_dir() and p.name != "__pycache__"
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_path_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for named in PATH.findall(text) + ROOT_FILE.findall(text):
        assert list(ROOT.glob(named.rstrip("/"))), named


def test_every_change_has_one_place_to_start() -> None:
    text = (DEV / "architecture.md").read_text("utf-8")
    table = text.split("| You want |")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    assert len(rows) >= 12
    for _, want, start, *_ in rows:
        places = PATH.findall(start)
        assert len(places) == 1, want
        assert (ROOT / places[0]).exists(), want


def test_make_commands_that_are_named_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "README.md", ROOT / "docs/installation.md")
    for page in pages:
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
            assert name in targets, f"{page.name}: make {name}"


def test_every_dev_page_is_in_the_list_of_pages() -> None:
    listed = (DEV / "index.md").read_text("utf-8").split("```{toctree}")[1]
    assert {p.stem for p in PAGES} - {"index"} == set(re.findall(r"^(\S+)$", listed, re.M)) - {
        ":hidden:",
        "```",
    }
