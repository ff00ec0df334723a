from __future__ import annotations

import pytest

from cgmm._utils.divisions import same_division


@pytest.mark.parametrize(
    ("labels", "other", "same"),
    [
        ("aabb", "yyxx", True),
        ("aabb", "xyxy", False),  # as many labels, across
        ("aabb", "xxyz", False),
        ("aabc", "xxyy", False),
        ("", "", True),
    ],
)
def test_divisions_are_the_same_whatever_their_labels(labels: str, other: str, same: bool) -> None:
    assert same_division(list(labels), list(other)) is same
