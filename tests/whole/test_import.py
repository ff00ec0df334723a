"""Importing the package is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cgmm as cg

HEAVY = ("anndata", "jax", "matplotlib", "numpy", "pandas", "scanpy", "scipy", "seaborn", "sklearn")


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A lazy package: what a figure needs is loaded by the figure."""
    code = (
        "import sys; before = set(sys.modules); import cgmm; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(cg.__file__).parents[1],
    )
    loaded = ran.stdout.split()
    assert "cgmm" in loaded
    assert not set(loaded) & set(HEAVY)


def test_completion_offers_public_names_only() -> None:
    for module in (cg.get, cg.pl, cg.tl, cg.pp, cg.simulate, cg.report):
        assert "annotations" not in dir(module), module.__name__
