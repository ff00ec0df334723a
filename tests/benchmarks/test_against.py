"""The comparison of two trees says how far their answers differ, and which one is faster."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def against() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("against")


def test_equal_answers_are_called_equal_and_others_differ_by_a_number(against: ModuleType) -> None:
    one = {"log2 factor": np.array([0.0, 1.0]), "component": np.array(["a", "b"])}
    two = {"log2 factor": np.array([0.0, 3.0]), "component": np.array(["x", "y"])}
    assert "log2 factor: equal" in against.compared(one, one)
    found = against.compared(one, two)
    assert "log2 factor: r.m.s. 1.41" in found
    assert "components 2 and 2, Rand 1.000" in found


def test_genes_are_compared_at_the_keys_of_both_answers(against: ModuleType) -> None:
    one = {"key": np.array(["T x", "T y", "B x"]), "log2 change": np.array([1.0, 2.0, 3.0])}
    two = {"key": np.array(["B x", "T x"]), "log2 change": np.array([3.0, 1.0])}
    assert against.compared(one, two) == "log2 change: equal"


def test_a_rotation_of_the_components_is_no_difference(against: ModuleType) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    turned = x @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    other = np.column_stack([x[:, :2], np.random.default_rng(2).normal(size=200)])
    assert against.compared({"space": x}, {"space": turned}).endswith("1.00000")
    assert float(against.compared({"space": x}, {"space": other}).split()[-1]) < 0.5


def test_a_ratio_above_one_says_that_this_tree_is_faster(against: ModuleType) -> None:
    times = {"old": [4.0, 8.0, 6.0], "now": [2.0, 2.0, 2.0]}
    line = against.lines_of({"fit": against.Row(times, times, times)}, {"old": None, "now": None})[
        1
    ]
    assert line.startswith("fit")
    assert line.count("3.00x") == 2
