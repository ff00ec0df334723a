"""The container and the conda recipe say what the code says, and name only what is there."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import cgmm

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Distributions that conda-forge has under another name, or without what is not needed.
ON_CONDA = {"igraph": "python-igraph", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile, lines joined, comments left out."""
    lines = (ENVS / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def test_the_recipe_has_the_version_and_the_requirements_of_the_package() -> None:
    recipe = yaml.safe_load((ENVS / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == cgmm.__version__
    assert recipe["package"]["name"] == PROJECT["name"]
    wanted = {f"python {PROJECT['requires-python']}"}
    for dependency in PROJECT["dependencies"]:
        name, bounds = re.fullmatch(r"([\w-]+)(.*)", dependency).groups()
        wanted.add(f"{ON_CONDA.get(name, name)} {bounds}")
    assert set(recipe["requirements"]["run"]) == wanted
    commands = {f"{name} = {target}" for name, target in PROJECT["scripts"].items()}
    assert set(recipe["build"]["python"]["entry_points"]) == commands
    assert (ROOT / recipe["about"]["license_file"]).is_file()


def test_the_environment_of_the_rules_names_every_requirement() -> None:
    found = yaml.safe_load((ENVS / "cgmm.yaml").read_text(encoding="utf-8"))["dependencies"]
    named = {line.split()[0] for line in found}
    # dask and its scheduler are optional for the module, jsonschema is for the workflow
    wanted = {re.match(r"[\w-]+", d).group() for d in PROJECT["dependencies"]}
    assert {ON_CONDA.get(name, name) for name in wanted} <= named


def test_the_recipe_passes_its_builder() -> None:
    builder = pytest.importorskip("rattler_build", reason="py-rattler-build is not installed")
    recipe = builder.Stage0Recipe.from_file(ENVS / "recipe.yaml")
    assert recipe.as_single_output().package is not None


def test_the_container_names_only_what_is_there() -> None:
    ignore = (ENVS / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    copied = []
    for word, rest in instructions():
        if word == "COPY":
            *sources, target = shlex.split(rest)
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(fnmatch.fnmatch(source, pattern) for pattern in kept), source
            copied += sources
            assert target == "./" or sources == [target]
    assert set(kept) == set(copied)
    # what a study must not bring into a container
    assert not {".git", ".venv", "results", "reports", "tests"} & set(kept)


def test_the_container_runs_as_a_user_on_a_python_of_the_classifiers() -> None:
    found = instructions()
    base = dict(found)["FROM"]
    version = re.search(r"python:(\d\.\d+)", base).group(1)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
    last_user = [rest for word, rest in found if word == "USER"][-1]
    assert last_user not in ("root", "0")


def test_the_steps_of_the_container_find_their_files(tmp_path: Path) -> None:
    """Before the first RUN of make: what has been copied is enough for make to know what to do."""
    for word, rest in instructions():
        if word == "RUN" and rest.startswith("make "):
            command = shlex.split(rest)
            break
        if word == "COPY":
            for source in shlex.split(rest)[:-1]:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, tmp_path / source)
    dry = [*command[:1], "--dry-run", *command[1:]]
    done = subprocess.run(dry, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "-r envs/requirements.txt" in done.stdout


def test_hadolint_has_no_complaint() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [hadolint, str(ENVS / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_file_of_the_workflow_catalog_has_what_the_catalog_reads() -> None:
    text = (ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8")
    usage = yaml.safe_load(text)["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) == {"conda", "apptainer", "apptainer+conda"}
    assert all(isinstance(value, bool) for value in (*deployment.values(), usage["report"]))
    # the standard layout, without which the catalog lists no usage
    for path in ("workflow/Snakefile", "config/README.md", "config/config.yaml", "README.md"):
        assert (ROOT / path).is_file()
    # what the file says of conda is true: a rule names an environment that is there
    rules = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "workflow/rules").iterdir())
    assert deployment["conda"] == ("conda:" in rules)
