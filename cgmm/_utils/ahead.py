"""Items of an iterator that are made in threads while others are used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield the items in their order; an error is raised where its item would be.

    Reading and decompressing a file wait for the disk or run outside Python, so that the work on
    one block of it and the reading of the next go on together. Two items are in memory.

    Parameters
    ----------
    items
        Made by one thread, one after another.
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, source, _END)
        while (item := waiting.result()) is not _END:
            waiting = thread.submit(next, source, _END)
            yield item  # type: ignore[misc]


def side_by_side(function: Callable[[S], T], items: Iterable[S], n_threads: int = 2) -> Iterator[T]:
    """Yield the results of a function for the items, in their order.

    Parameters
    ----------
    function
        Called in several threads.
    items
        Taken in the thread of the caller; two more than are worked on are in memory.
    n_threads
        Number of threads.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
