"""The order of the house: imports go downhill, functions are short, the README is true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cgmm"
LONGEST = 60
#: Functions whose body is longer, and why.
LONG = {
    "cgmm/coupled.py: fit_coupled": "checks of every argument, and the record of the fit",
    "cgmm/selection.py: fit_automatic": "one step after the other, each a call",
    "cgmm/transport.py: _newton": "one loop, whose parts share all of their state",
    "tests/report/folders.py: make_folder": "one made-up study, table by table",
}


def module_of(path: Path) -> str:
    """Name within the package: "tl" for cgmm/tl/_fit.py, "coupled" for cgmm/coupled.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inside = path.relative_to(ROOT).with_suffix("").parts[: -node.level or None]
            base = ".".join([*inside, *filter(None, [node.module])]) if node.level else node.module
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "cgmm" and len(parts) > 1 and known(parts[1]):
                yield parts[1]


def known(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def drawn() -> list[list[str]]:
    """Rows of modules as the README draws them, from the ground up."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^cgmm, from the ground up.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block, "the README has no drawing of the modules"
    rows = [re.split(r"\s{2,}", line.strip()) for line in block.group(1).splitlines()]
    return [names.split() for _, names, _ in rows]


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_the_drawing_holds_every_module_once() -> None:
    names = [name for row in drawn() for name in row]
    assert len(names) == len(set(names))
    public = {module_of(path) for path in FILES if not module_of(path).startswith("_")}
    assert set(names) == public


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downhill(path: Path) -> None:
    """A module imports what stands in its own row of the drawing or below."""
    level = {name: i for i, row in enumerate(drawn()) for name in row}
    own = level.get(module_of(path))
    if own is None:  # a helper: checked by the absence of circles
        return
    above = {name for name in imports_of(path) if level.get(name, -1) > own}
    assert not above, f"{path.name} imports {above}, which the drawing has above it"


def test_no_circle() -> None:
    """Modules can be put in an order in which each imports earlier ones only."""
    needs: dict[str, set[str]] = {}
    for path in FILES:
        name = module_of(path)
        needs.setdefault(name, set()).update(set(imports_of(path)) - {name})
    while needs:
        free = {name for name, wants in needs.items() if not wants & set(needs)}
        assert free, f"these import each other in a circle: {sorted(needs)}"
        needs = {name: wants for name, wants in needs.items() if name not in free}


def test_the_module_knows_nothing_of_the_workflow() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not [n for n in names if n.split(".")[0] in ("snakemake", "workflow")], path


def long_functions() -> dict[str, int]:
    """Functions with a body, docstring aside, of more lines than is readable at once."""
    found = {}
    for folder in ("cgmm", "workflow", "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > LONGEST:
                    found[f"{path.relative_to(ROOT).as_posix()}: {node.name}"] = lines
    return found


def test_functions_are_short_or_have_a_reason() -> None:
    found = long_functions()
    assert found.keys() - LONG.keys() == set()
    assert LONG.keys() - found.keys() == set(), "no longer long: take them off the list"
