"""Settings that hold for every test: strict numerics, two threads, where shared data lie."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("NPROC", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CGMM_LONG") == "1":
        return
    skip = pytest.mark.skip(reason="long: set CGMM_LONG=1 to run")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("needs the shared data sets, which are not beside this checkout")
    return folder
