"""Versions are those of the installed packages."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest

import cgmm
from cgmm._utils.versions import VERSIONED, version, versions


def test_versions_are_those_of_the_installed_packages() -> None:
    found = versions()
    assert set(found) <= set(VERSIONED)
    assert found["numpy"] == np.__version__
    assert found["cgmm"]


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert version("no-such-package") is None


def test_cgmm_has_a_version_when_it_runs_from_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert version("cgmm") == cgmm.__version__
    assert version("numpy") is None
