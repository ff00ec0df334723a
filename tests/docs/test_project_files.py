"""Files for contributors and packagers parse, and name only what exists."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

import cgmm

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
YAML_FILES = [
    *FORMS,
    *sorted((ROOT / ".github").glob("*.yml")),
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / ".pre-commit-config.yaml",
    ROOT / ".readthedocs.yaml",
    ROOT / ".snakemake-workflow-catalog.yml",
    ROOT / "CITATION.cff",
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
NAME = re.compile(r"^[A-Za-z0-9_.-]+")


def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: list[str]) -> set[str]:
    found = (NAME.match(line) for line in requirements)
    return {normal(match.group()) for match in found if match}


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_yaml_files_hold_a_mapping(path: Path) -> None:
    content = parsed(path)
    assert isinstance(content, dict)
    assert content


@pytest.mark.parametrize("path", [f for f in FORMS if f.stem != "config"], ids=lambda p: p.stem)
def test_issue_forms_ask_something_and_name_each_field_once(path: Path) -> None:
    form = parsed(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert any(field.get("validations", {}).get("required") for field in fields)
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids))
    assert all(field["attributes"]["label"] for field in fields)


def test_citation_file_is_that_of_this_package() -> None:
    citation = parsed(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert str(citation["version"]) == cgmm.__version__
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]
    for work in citation["references"]:
        assert {"type", "title", "authors", "year", "doi"} <= work.keys()


def test_ci_calls_targets_of_the_makefile() -> None:
    jobs = parsed(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {name for line in runs for name in re.findall(r"\bmake ([a-z-]+)", line)}
    assert {"lint", "test"} <= called <= TARGETS


def test_the_environment_has_the_command_of_this_folder(tmp_path: Path) -> None:
    place = tmp_path / "an env"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    # a path with a blank cannot be a target of make
    command = ["make", "--always-make", "--old-file=env/.ready", "VENV=env", "env/bin/cgmm"]
    for name in ("Makefile", "cgmm"):
        (place / name).symlink_to(ROOT / name)
    (place / "env").symlink_to(place)
    (place / ".ready").touch()
    made = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (tmp_path / "cgmm.py").write_text("raise RuntimeError", encoding="utf-8")
    said = subprocess.run(
        [place / "bin" / "cgmm", "--version"], cwd=tmp_path, capture_output=True, text=True
    )
    assert said.stdout == f"cgmm {cgmm.__version__}\n", said.stderr


def test_ci_leaves_out_tests_that_are_there() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    named = set(re.findall(r"\b\w+/test_\w+\.py\b", text))
    loop = re.search(r"for name in ([^;]*); do", text)
    assert loop is not None
    named |= {f"workflow/test_{name}.py" for name in loop[1].replace("\\", "").split()}
    assert len(named) > 10
    for name in named:
        assert (ROOT / "tests" / name).is_file(), name


def test_ci_covers_the_floor_of_python() -> None:
    job = parsed(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["check"]
    assert job["strategy"]["matrix"]["python"][0] == PROJECT["requires-python"].lstrip(">=")


def test_hooks_call_tools_that_the_environment_has() -> None:
    pinned = names_of((ROOT / "envs" / "requirements-dev.txt").read_text("utf-8").splitlines())
    package = {"lint-imports": "import-linter"}
    hooks = [h for repo in parsed(ROOT / ".pre-commit-config.yaml")["repos"] for h in repo["hooks"]]
    assert {hook["entry"].split()[0] for hook in hooks} == {
        f".venv/bin/{tool}" for tool in ("ruff", "mypy", "lint-imports", "snakefmt")
    }
    for hook in hooks:
        tool = Path(hook["entry"].split()[0]).name
        assert package.get(tool, tool) in pinned
        assert Path(sys.executable).with_name(tool).is_file()
        assert hook["language"] == "system"


def test_files_named_by_the_build_of_the_documentation_exist() -> None:
    build = parsed(ROOT / ".readthedocs.yaml")
    assert (ROOT / build["sphinx"]["configuration"]).is_file()
    for step in build["python"]["install"]:
        assert (ROOT / step["requirements"]).is_file()


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"]
)
def test_links_of_the_pages_at_the_root_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "cgmm" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def imported(folder: str) -> dict[str, str]:
    """Top-level packages that the code of a folder imports, with one file that does."""
    found: dict[str, str] = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            found |= {name.split(".")[0]: path.relative_to(ROOT).as_posix() for name in names}
    own = {"cgmm", "workflow"} | {path.stem for path in (ROOT / "workflow").rglob("*.py")}
    return {k: v for k, v in found.items() if k not in own and k not in sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("folder", "extras"), [("cgmm", ("dask", "de", "formats")), ("workflow", ("dask", "workflow"))]
)
def test_every_imported_package_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    optional = PROJECT["optional-dependencies"]
    declared = names_of(PROJECT["dependencies"] + [line for e in extras for line in optional[e]])
    distributions = packages_distributions()
    for name, file in imported(folder).items():
        providers = {normal(provider) for provider in distributions[name]}
        assert providers & declared, f"{file} imports {name} of {providers}"


def test_the_lock_pins_every_package_that_module_and_workflow_declare() -> None:
    pinned = names_of((ROOT / "envs" / "requirements.txt").read_text("utf-8").splitlines())
    optional = PROJECT["optional-dependencies"]
    assert names_of(PROJECT["dependencies"] + optional["dask"] + optional["workflow"]) <= pinned


def test_commands_of_the_package_are_functions_that_exist() -> None:
    for entry in PROJECT["scripts"].values():
        module, function = entry.split(":")
        assert callable(getattr(importlib.import_module(module), function))
