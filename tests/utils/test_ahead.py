"""Items that are made ahead are the same items in the same order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cgmm._utils.ahead import ahead, side_by_side


def test_items_keep_their_order() -> None:
    assert list(ahead(range(20))) == list(range(20))
    assert list(ahead([])) == []
    assert list(ahead([None, None])) == [None, None]


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for i, event in enumerate(made):
            event.set()
            yield i

    for i in ahead(items()):
        assert i == 2 or made[i + 1].wait(timeout=60)


def test_an_error_is_raised_where_its_item_would_be() -> None:
    def items() -> Iterator[int]:
        yield 1
        msg = "no more"
        raise ValueError(msg)

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="no more"):
        next(found)


def test_results_made_side_by_side_keep_their_order_and_are_few_at_a_time() -> None:
    begun: list[int] = []
    both = threading.Barrier(2, timeout=60)

    def square(i: int) -> int:
        begun.append(i)
        both.wait()  # passes when two are worked on at the same time
        return i * i

    for at, value in enumerate(side_by_side(square, range(10), 2)):
        assert value == at * at
        assert len(begun) <= at + 4


def test_an_error_of_a_result_is_raised_in_its_place() -> None:
    found = side_by_side(lambda i: 1 // i, [1, 0, 1])
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
