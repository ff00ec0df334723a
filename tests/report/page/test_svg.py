"""Marks and axes of drawings."""

from __future__ import annotations

from cgmm.report.page.svg import el, ticks


def test_ticks_are_round_and_text_is_escaped():
    assert ticks(0.0, 1.0, 4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert str(el("a", "<x>", href='"&')) == '<a href="&#34;&amp;">&lt;x&gt;</a>'
