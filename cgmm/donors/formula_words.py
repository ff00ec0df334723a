"""Words for the sentences on designs."""

from __future__ import annotations

from collections.abc import Sequence

MAX_LISTED = 8


def joined(words: Sequence[str]) -> str:
    """Return words as "a", "a and b" or "a, b and c"; long lists are cut."""
    shown = [str(word) for word in words]
    if len(shown) > MAX_LISTED:
        shown = [*shown[:MAX_LISTED], f"{len(shown) - MAX_LISTED} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def counted(n: int, word: str) -> str:
    """Return a number with its noun: "1 donor", "2 donors"."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
