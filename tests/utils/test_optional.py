"""Sentences about a missing package name what pyproject.toml asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cgmm._utils.optional import REQUIREMENTS, how_to_install

PROJECT = tomllib.loads(
    (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")
)["project"]


def test_requirements_are_those_of_the_project() -> None:
    extras = PROJECT["optional-dependencies"].values()
    asked = {*PROJECT["dependencies"], *(line for extra in extras for line in extra)}
    assert set(REQUIREMENTS.values()) <= asked
    for module, requirement in REQUIREMENTS.items():
        assert requirement.startswith(module)


def test_the_command_can_be_pasted_into_a_shell() -> None:
    assert how_to_install("dask") == "pip install 'dask[array,distributed]>=2026.1'"
