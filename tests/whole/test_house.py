"""The order of the house: imports keep their directions, functions are short."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cgmm"
LONGEST = 60
#: Functions whose body is longer, and why.
LONG = {
    "tests/workflow/test_scripts.py: test_scripts_run_one_after_another": "one job after the other",
    "tests/report/folders.py: make_folder": "one made-up study, table by table",
}


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_imports_keep_their_directions() -> None:
    """The layers of pyproject.toml: nothing imports upwards, private modules are not exempt."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


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
