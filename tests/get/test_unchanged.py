from __future__ import annotations

import pandas as pd

from cgmm.get._unchanged import computed_once, unchanged

calls: list[str] = []


@computed_once
def table(frame: pd.DataFrame, *, key: str = "a") -> pd.DataFrame:
    calls.append(key)
    return frame * 2


def test_a_result_is_computed_once_for_every_object_and_option_within_the_block() -> None:
    calls.clear()
    one, other = pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [5]})
    with unchanged():
        first = table(one)
        first["x"] = 0  # a caller may change its own table
        assert table(one)["x"].tolist() == [2]
        assert table(other)["x"].tolist() == [10]
        table(one, key="b")
        table(one, key="b")
    assert calls == ["a", "a", "b"]
    table(one)
    assert len(calls) == 4
