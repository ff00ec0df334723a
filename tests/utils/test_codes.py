"""Texts of cells as numbers, as numpy.unique of all texts gives them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgmm._utils.codes import coded, texts

CASES = {
    "text": np.array(["b", "a", "b", "10", "9"], dtype=object),
    "fixed width": np.array(["b", "a", "b"]),
    "numbers": np.array([3, 1, 3, 20]),
    "categories": pd.Categorical(["y", "x", "y"], categories=["z", "y", "x"]),
    "none": np.array([], dtype=object),
}


@pytest.mark.parametrize("case", CASES)
def test_codes_are_those_of_numpy(case: str) -> None:
    names, codes = coded(CASES[case])
    kinds, index = np.unique(np.asarray(CASES[case]).astype(str), return_inverse=True)
    assert list(names) == list(kinds)
    np.testing.assert_array_equal(codes, index)


def test_missing_values_are_one_text() -> None:
    names, codes = coded(np.array(["b", None, "a", np.nan], dtype=object))
    assert (list(names), list(codes)) == (["a", "b", "nan"], [1, 2, 0, 2])


@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_missing_texts(dtype: str) -> None:
    values = pd.Series(["b", None, "a"], dtype=dtype)
    assert list(texts(values)) == ["b", None, "a"]
    assert list(texts(values, "")) == ["b", "", "a"]
    assert list(texts(pd.Series([1.5, np.nan]))) == ["1.5", None]
