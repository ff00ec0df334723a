"""Examples in docstrings run, one after the other, and say what they promise."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest

import cgmm as cg

#: In an order in which later ones may use what earlier ones made.
SHOWN = [
    "simulate._points.points",
    "simulate._counts.counts",
    "coupled.cost.transport_cost",
    "coupled.fit.fit_coupled",
    "tl._fit.fit",
    "get._factors.factors",
    "get._transfers.transfers",
    "get._transfers.shifts",
    "get._components.components",
    "get._components.arrivals",
    "get._donors.donors",
    "get._sensitivity.sensitivity",
    "tl._donors.donors",
    "tl._genes.genes",
    "get._genes.genes",
]


@pytest.mark.timeout(600)  # a fit and its compilation, on a busy machine
def test_examples_run() -> None:
    names = {"cg": cg, "np": np}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for shown in SHOWN:
        module, function = shown.rsplit(".", 1)
        text = getattr(import_module(f"cgmm.{module}"), function).__doc__
        example = doctest.DocTestParser().get_doctest(text, names, shown, None, 0)
        assert example.examples, f"{shown} has no example"
        runner.run(example, out=said.append, clear_globs=False)
        names = example.globs
    assert not said, "".join(said)
