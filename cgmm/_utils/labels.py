"""Labels of figures: short forms of long names, and positions without overlap."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

#: letters of a sans-serif face that are narrower or wider than the usual small letter
_NARROW = frozenset("fijlrtI .,:;'|!()[]-/")
_WIDE = frozenset("mwMW@%")


def breadth(name: str) -> float:
    """Return how wide a text is in a sans-serif face, in small letters."""
    return sum(map(_of_letter, name))


def _of_letter(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.7
    if letter in _NARROW:
        return 0.6
    if letter in _WIDE:
        return 1.5
    return 1.15 if letter.isupper() else 1.05 if letter.isdigit() else 1.0


def _beginning(name: str, limit: float) -> str:
    """Return the longest beginning that is no wider than `limit` small letters."""
    ends = np.cumsum([_of_letter(letter) for letter in name])
    return name[: int(np.searchsorted(ends, limit + 1e-9, side="right"))].rstrip()


def shortened(name: str, limit: int) -> str:
    """Return a name; one wider than ``limit`` small letters is cut and ends in an ellipsis."""
    if breadth(name) <= limit:
        return name
    return _beginning(name, limit - 1) + "…"


def short_names(names: Iterable[str], limit: int) -> dict[str, str]:
    """Return a short form of every name, no wider than ``limit`` small letters, no two the same.

    A name that would look like another one when its end is cut loses its middle instead, so that
    what tells the two apart stays; where even that does not help, a number follows.

    Parameters
    ----------
    names
        Names; equal names share a short form.
    limit
        Largest width in small letters (:func:`breadth`), eight or more.

    Returns
    -------
    Short form by name.
    """
    names = list(dict.fromkeys(names))
    made = {name: shortened(name, limit) for name in names}
    for cut in (_at_a_word, *(_before(tail) for tail in range(limit // 3, limit - 3))):
        taken = Counter(made.values())
        alike = [name for name in names if taken[made[name]] > 1]
        made |= {name: cut(name, limit) for name in alike if breadth(name) > limit}
    seen: Counter[str] = Counter()
    taken = Counter(made.values())
    for name in names:
        form = made[name]
        if taken[form] > 1:
            seen[form] += 1
            number = f" ({seen[form]})"
            made[name] = shortened(form, limit - len(number)) + number
    return made


def _at_a_word(name: str, limit: int) -> str:
    """Return a name without its middle; the part after the middle begins with a word."""
    starts = (i + 1 for i, letter in enumerate(name) if letter == " ")
    tails = [len(name) - start for start in starts]
    fitting = [tail for tail in tails if tail > 0 and breadth(name[-tail:]) <= limit - 4]
    return _without_middle(name, limit, max(fitting)) if fitting else shortened(name, limit)


def _before(tail: int) -> Callable[[str, int], str]:
    """Return the function that leaves out the middle before the last `tail` letters."""
    return lambda name, limit: _without_middle(name, limit, tail)


def _without_middle(name: str, limit: int, tail: int) -> str:
    end = name[-tail:].lstrip()
    while breadth(end) > limit - 2:
        end = end[1:]
    return f"{_beginning(name, limit - 1 - breadth(end))}…{end}"


def spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return label positions, moved apart until no two are closer than ``gap``.

    The order of the labels does not change, and the sum of squared moves is minimal (pool adjacent
    violators on ``positions - gap * rank``).

    Parameters
    ----------
    positions
        Wanted positions, shape (n,), in any order.
    gap
        Least distance between labels; reduced when the limits leave too little space.
    low, high
        Limits of the positions.

    Returns
    -------
    Positions, shape (n,).
    """
    order = np.argsort(positions, kind="stable")
    n = len(order)
    gap = min(gap, (high - low) / max(n - 1, 1))
    start = np.asarray(positions, dtype=float)[order] - gap * np.arange(n)
    blocks: list[list[float]] = []  # mean, size
    for value in start:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * size) / (last[1] + size)
            last[1] += size
    flat = np.concatenate([[mean] * int(size) for mean, size in blocks]) if blocks else start
    flat = np.clip(flat, low, high - gap * (n - 1))
    out = np.empty(n)
    out[order] = flat + gap * np.arange(n)
    return out
