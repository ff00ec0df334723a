"""Labels of figures: short forms of long names, and positions without overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np


def shortened(name: str, limit: int) -> str:
    """Return a name; a name of more than ``limit`` characters is cut and ends in an ellipsis."""
    return name if len(name) <= limit else name[: limit - 1].rstrip() + "…"


def short_names(names: Iterable[str], limit: int) -> dict[str, str]:
    """Return a short form of every name, of at most ``limit`` characters, no two the same.

    A name that would look like another one when its end is cut loses its middle instead, so that
    what tells the two apart stays; where even that does not help, a number follows.

    Parameters
    ----------
    names
        Names; equal names share a short form.
    limit
        Largest number of characters, eight or more.

    Returns
    -------
    Short form by name.
    """
    names = list(dict.fromkeys(names))
    made = {name: shortened(name, limit) for name in names}
    for cut in (_at_a_word, *(_before(tail) for tail in range(limit // 3, limit - 3))):
        taken = Counter(made.values())
        alike = [name for name in names if taken[made[name]] > 1]
        made |= {name: cut(name, limit) for name in alike if len(name) > limit}
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
    fitting = [tail for tail in tails if 0 < tail <= limit - 4]
    return _without_middle(name, limit, max(fitting)) if fitting else shortened(name, limit)


def _before(tail: int) -> Callable[[str, int], str]:
    """Return the function that leaves out the middle before the last `tail` letters."""
    return lambda name, limit: _without_middle(name, limit, tail)


def _without_middle(name: str, limit: int, tail: int) -> str:
    return f"{name[: limit - 1 - tail].rstrip()}…{name[-tail:].lstrip()}"


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
