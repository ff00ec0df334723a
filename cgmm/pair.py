"""The two conditions of a comparison: the source and the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np

SOURCE = "source"
TARGET = "target"
SIDES = (SOURCE, TARGET)

Side = Literal["source", "target"]


T = TypeVar("T")
S = TypeVar("S")


class Pair(NamedTuple, Generic[T]):
    """One value for the source and one for the target.

    Attributes
    ----------
    source, target
        The two values.
    """

    source: T
    target: T

    def map(self, function: Callable[[T], S]) -> Pair[S]:
        """Return the results of a function for both values."""
        return Pair(function(self.source), function(self.target))


def halves(stacked: np.ndarray, n_source: int) -> Pair[np.ndarray]:
    """Split a stacked array after its first ``n_source`` rows; both parts are views."""
    return Pair(stacked[:n_source], stacked[n_source:])
