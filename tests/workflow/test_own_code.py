"""Another project is called cgmm on the registry: no sentence installs it, and it changes nothing.

A stand-in of it is built here and installed without a network.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from cgmm._utils.optional import REQUIREMENTS, how_to_install
from tests.workflow.conftest import Project

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(p for name in ("docs", "config", "envs", "workflow") for p in (ROOT / name).rglob("*")),
    *(ROOT / "cgmm").rglob("*.*"),
    ROOT / "Makefile",
]
TEXT = {".md", ".py", ".smk", ".yaml", ".txt", ".j2", ".sh", ".rst", ""}
COMMAND = re.compile(r"pip install ((?:-[\w-]+ |'[^'\n]+'|\"[^\"\n]+\"|[\w.\[\]<>=,-]+ ?)+)")
TAGS = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def wheel(folder: Path, name: str, version: str, code: str = "") -> None:
    """Write a wheel of one module."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}/__init__.py", code)
        meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        file.writestr(f"{info}/METADATA", meta)
        file.writestr(f"{info}/WHEEL", TAGS)
        held = (f"{name}/__init__.py", f"{info}/METADATA", f"{info}/WHEEL")
        file.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in held))


def commands() -> set[str]:
    """Return what follows ``pip install`` in the documents, the code and its sentences."""
    found = {how_to_install(module).removeprefix("pip install ") for module in REQUIREMENTS}
    for page in PAGES:
        if page.is_file() and page.suffix in TEXT and "_build" not in page.parts:
            found |= {said.strip() for said in COMMAND.findall(page.read_text("utf-8"))}
    return found


def requirements(command: str) -> list[str]:
    """Return the packages of a command; files and folders of this repository are left out."""
    words = shlex.split(command)
    return [w for w in words if NAME.match(w) and not (ROOT / w).exists()]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stranger's package and with one of each name that is asked for."""
    folder = tmp_path_factory.mktemp("registry")
    wheel(folder, "cgmm", "0.5.1", "STRANGER = True\n")
    for command in commands():
        for one in requirements(command):
            name = NAME.match(one)
            assert name is not None
            if name.group() != "cgmm":
                version = one.partition("==")[2] or "9999.0"
                wheel(folder, name.group().replace("-", "_"), version)
    return folder


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", *arguments],
        env=environment | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def chosen(registry: Path, *asked: str) -> set[str]:
    """Return the names that pip would install."""
    options = ("--dry-run", "--ignore-installed", "--no-index", "--find-links", str(registry))
    report = pip("install", "--quiet", *options, "--report", "-", *asked).stdout
    return {one["metadata"]["name"] for one in json.loads(report)["install"]}


@pytest.fixture(scope="module")
def stranger(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the stranger's package."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--no-index", "--find-links", str(registry), "cgmm")
    return python


def packages_of(python: Path) -> Path:
    return next(python.parents[1].glob("lib/python*/site-packages"))


def test_sentences_that_install_something_are_found() -> None:
    found = commands()
    assert {"'pydeseq2>=0.5.4'", "--no-deps ."} <= found
    assert len(found) > 10


def test_no_sentence_installs_the_strangers_package(registry: Path) -> None:
    asked = sorted({one for command in commands() for one in requirements(command)})
    assert len(asked) > 8
    assert "cgmm" not in chosen(registry, *asked)
    assert "cgmm" in chosen(registry, "cgmm")  # what an older sentence did


def test_the_workflow_takes_its_own_code(stranger: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; root = Path(sys.argv[1]); "
        "sys.path.append(str(root)); "
        "from workflow.own_code import use_own_code; use_own_code(root); "
        "import cgmm; print(cgmm.__file__)"
    )
    done = subprocess.run(
        [stranger, "-c", code, ROOT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == ROOT / "cgmm" / "__init__.py"
    shows = subprocess.run(
        [stranger, "-c", "import cgmm; print(cgmm.STRANGER)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shows.stdout == "True\n"  # it would be imported otherwise


def test_a_run_beside_the_strangers_package_is_planned(project: Project, stranger: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(packages_of(stranger))}
    done = project.run("-n", env=environment)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "summarise" in text


def test_a_run_that_has_imported_it_already_is_refused(
    project: Project, stranger: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text("import cgmm\n", encoding="utf-8")
    places = os.pathsep.join(map(str, (start, packages_of(stranger))))
    done = project.run("-n", env=os.environ | {"PYTHONPATH": places})
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"`import cgmm` gives the package in {packages_of(stranger) / 'cgmm'}" in text
    assert "pip uninstall cgmm" in text
    assert "Traceback" not in text
    assert not (project.folder / "results").exists()
