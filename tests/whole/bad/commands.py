"""Mistakes in calls of the command ``cgmm``, and another package of this name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cgmm.study import lay_out
from tests.whole.bad.cases import Case
from workflow.own_code import OtherPackageError, use_own_code

ROOT = Path(__file__).resolve().parents[3]


def study(folder: Path, code: Path) -> object:
    return lay_out(folder / "study", source="a", target="b", code=code)


def twice(folder: Path) -> object:
    study(folder, ROOT)
    return study(folder, ROOT)


def elsewhere(folder: Path) -> object:
    """The code is expected where it is not: what is imported is another package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        return use_own_code(folder)


COMMANDS = [
    Case("a study where there is one", twice, "exists and is not overwritten. Choose another folder", FileExistsError),
    Case("a study without the code of the workflow", lambda f: study(f, f), "Give that folder as --code", FileNotFoundError),
    Case("another package is imported as cgmm", elsewhere, "The package called cgmm on the registry is another project: remove it from this environment (pip uninstall cgmm)", OtherPackageError),
]  # fmt: skip
