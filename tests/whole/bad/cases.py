"""What a row of the catalogue is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A mistake, how to make it, and the words that are said about it."""

    mistake: str  #: in words; names the test and stands in docs/input.md
    make: Callable[
        [Any], object
    ]  #: gets what the area offers: arrays, an object, a project, a file
    says: str  #: part of the sentence
    kind: type[Exception] = ValueError
