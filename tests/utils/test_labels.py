"""Labels are cut and moved apart."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm._utils.labels import shortened, spread


def test_spread_keeps_order_and_distance() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = rng.random(12)
        y = spread(x, 0.05, 0.0, 1.0)
        order = np.argsort(x)
        assert (np.diff(y[order]) >= 0.05 - 1e-9).all()
        assert y.min() >= 0
        assert y.max() <= 1 + 1e-9
    far = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(spread(far, 0.05, 0, 1), far)


def test_labels_without_room_share_what_there_is() -> None:
    np.testing.assert_allclose(spread(np.array([0.5, 0.5, 0.5]), 2.0, 0.0, 1.0), [0.0, 0.5, 1.0])
    assert len(spread(np.array([]), 1.0, 0.0, 1.0)) == 0


@pytest.mark.parametrize(
    ("name", "cut"), [("abc", "abc"), ("abcd", "ab…"), ("a  bcd", "a…"), ("", "")]
)
def test_long_names_are_cut(name: str, cut: str) -> None:
    assert shortened(name, 3) == cut
