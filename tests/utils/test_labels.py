"""Labels are cut and moved apart."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm._utils.labels import breadth, short_names, shortened, spread


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


def test_wide_letters_take_more_room_than_narrow_ones() -> None:
    assert len(shortened("W" * 40, 20)) < len(shortened("n" * 40, 20)) == 20
    assert shortened("illness i", 9) == "illness i"
    assert len(shortened("ENSG00000163221 ENSG00000257764", 27)) == 25
    assert len(shortened("細胞" * 20, 20)) == 12
    assert breadth("e\u0301") == breadth("e")
    long = ["ENSG00000163221 ENSG00000257764 1", "ENSG00000163221 ENSG00000257764 2"]
    short = short_names(long, 18)
    assert len(set(short.values())) == 2
    assert all(breadth(s) <= 18 for s in short.values())


def test_names_stay_distinct_when_they_are_cut() -> None:
    names = [
        "CD4 positive, alpha-beta naive T cell",
        "CD4 positive, alpha-beta memory T cell",
        "CD8 positive, alpha-beta memory T cell",
        "keratinocyte differentiated 1",
        "keratinocyte differentiated 2",
        "B cell",
        "a name of one kind" + "x" * 30,
        "a name of one kind" + "x" * 31,
    ]
    for limit in (9, 14, 18, 27):
        short = short_names(names, limit)
        assert set(short) == set(names)
        assert len(set(short.values())) == len(names), limit
        assert max(map(breadth, short.values())) <= limit + 0.5
        assert short["B cell"] == "B cell"
    assert short_names(names, 18)[names[0]] == "CD4 po…naive T cell"
    assert short_names(["the only one that is long"], 12) == {
        "the only one that is long": "the only one…"
    }
