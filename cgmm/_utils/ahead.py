"""Items of an iterator, the next of which is made in a thread while one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
