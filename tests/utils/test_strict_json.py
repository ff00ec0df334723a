"""JSON is strict, and what is not finite is written in one of two ways."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cgmm._utils.strict_json import dumps, loads


def test_nan_is_text_that_is_read_back_or_null() -> None:
    value = {"a": [1.0, math.nan, -math.inf], "b": np.array([np.nan, np.inf])}
    assert dumps(value) == '{"a": [1.0, "NaN", "-Infinity"], "b": ["NaN", "Infinity"]}'
    back = loads(dumps(value))
    np.testing.assert_array_equal(back["a"], value["a"])
    np.testing.assert_array_equal(back["b"], value["b"])
    expected = '{"a": [1.0, null, "-Infinity"], "b": [null, "Infinity"]}'
    assert dumps(value, nan_as_null=True) == expected
    assert json.loads(expected)["a"][1] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.5), "0.5"),
        (np.bool_(True), "true"),
        ((1, None, "x"), '[1, null, "x"]'),
        ({1: 2}, '{"1": 2}'),
        (np.float64("nan"), '"NaN"'),
    ],
)
def test_values_of_numpy_become_plain(value: object, text: str) -> None:
    assert dumps(value) == text


def test_a_value_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="Cannot write a set as JSON"):
        dumps({"a": {1}}, nan_as_null=True)
