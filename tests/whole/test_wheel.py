"""Wheel and sdist build, and the wheel imports in an empty environment."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import cgmm

pytest.importorskip("hatchling")
ROOT = Path(__file__).resolve().parents[2]


def call(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=False)
    (found,) = built.glob("*.whl")
    options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    command = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    call(*command, *options, found, cwd=built)
    return folder / "bin"


def test_the_wheel_holds_the_module_under_the_name_of_the_distribution(built: Path) -> None:
    (found,) = built.glob("*.whl")
    assert found.name.startswith(f"coupled_gmm-{cgmm.__version__}-")
    with zipfile.ZipFile(found) as file:
        names = file.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"cgmm"}
    for name in ("py.typed", "report/templates/report.html.j2", "report/static/report.css"):
        assert f"cgmm/{name}" in names


def test_the_sdist_holds_what_a_packager_needs(built: Path) -> None:
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as file:
        names = {name.split("/", 1)[1] for name in file.getnames() if "/" in name}
    assert {"LICENSE", "README.md", "pyproject.toml", "workflow/Snakefile"} <= names
    assert "tests/whole/test_wheel.py" in names
    assert not any(name.startswith((".venv", "results/", ".snakemake/")) for name in names)


def test_it_imports_and_commands_answer_in_an_empty_environment(
    installed: Path, tmp_path: Path
) -> None:
    code = "import cgmm; print(cgmm.__version__, cgmm.__file__)"
    version, place = call(installed / "python", "-c", code, cwd=tmp_path).split()
    assert version == cgmm.__version__
    assert Path(place).is_relative_to(installed.parent)
    assert call(installed / "cgmm", "--version", cwd=tmp_path) == f"cgmm {cgmm.__version__}\n"
    said = call(installed / "cgmm", "--help", cwd=tmp_path)
    for name in ("init", "sheet", "report", "rerun"):
        assert f"    {name} " in said
