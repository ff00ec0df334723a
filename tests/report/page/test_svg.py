"""Marks and axes of drawings."""

from __future__ import annotations

import numpy as np

from cgmm.report.page.svg import el, spread, ticks


def test_labels_are_spread_and_ticks_are_round():
    placed = spread([5.0, 6.0, 7.0, 50.0, 99.0, 99.5], 10.0, 0.0, 100.0)
    assert np.all(np.diff(placed) >= 10.0 - 1e-9)
    assert min(placed) >= 0
    assert max(placed) <= 100
    assert spread([], 10.0, 0.0, 1.0) == []
    assert ticks(0.0, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert str(el("a", "<x>", href='"&')) == '<a href="&#34;&amp;">&lt;x&gt;</a>'
