"""Numbers in words."""

from __future__ import annotations

from cgmm.report.page import text


def test_numbers_in_words():
    assert [text.ratio(v) for v in (0.001, 0.042, 0.95, 0.999, 1.26, 12.3, 5000)] == [
        "under 0.01", "0.04", "0.95", "1.00", "1.26", "12", "over 1000",
    ]  # fmt: skip
    assert [text.percent(v) for v in (0.0, 0.0004, 0.0042, 0.0996, 0.314, 1.0)] == [
        "0%", "<0.1%", "0.4%", "10%", "31%", "100%",
    ]  # fmt: skip
    assert text.fixed(-0.001) == "0.00"
    assert text.fixed(-1.25, 1) == "\u22121.2"
    assert text.join(["a", "b", "c"]) == "a, b and c"
