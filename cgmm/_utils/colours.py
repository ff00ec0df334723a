"""Colours that colour-blind readers can distinguish, for white and for near-black backgrounds."""

from __future__ import annotations

# seaborn "colorblind" with a darker yellow, and without grey, which marks context
BASE = (
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#56b4e9",
    "#ca9161",
    "#b5a600",
    "#f08fc8",
)
CONDITION_COLOURS = ("#85857f", "#0b8a8a")  # source, target
NO_COLOUR = "#b4b4b0"  # of cells without a population
UP = (0xC4, 0x5A, 0x0C)
DOWN = (0x1F, 0x6F, 0xB5)
MIDDLE = (0xB4, 0xB4, 0xB0)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(colour: tuple[int, int, int], other: tuple[int, int, int], amount: float) -> str:
    """Return `colour` with an `amount` (0 to 1) of `other` blended in, as a hex string."""
    parts = (round(a + (b - a) * amount) for a, b in zip(colour, other, strict=True))
    return "#" + "".join(f"{p:02x}" for p in parts)


def population_colours(n: int) -> list[str]:
    """Return `n` colours: the base palette, then darker and lighter versions of the palette."""
    rounds = ((None, 0.0), ((0, 0, 0), 0.28), ((255, 255, 255), 0.45), ((90, 90, 90), 0.55))
    colours = []
    for i in range(n):
        towards, amount = rounds[(i // len(BASE)) % len(rounds)]
        base = _rgb(BASE[i % len(BASE)])
        colours.append(mix(base, towards or base, amount))
    return colours


def diverging(value: float, limit: float) -> str:
    """Return the colour of a value: blue below zero, grey at zero, orange above zero.

    The colour is saturated from `limit` on.
    """
    amount = min(abs(value) / limit, 1.0) if limit > 0 else 0.0
    return mix(MIDDLE, UP if value > 0 else DOWN, amount)


def ink_on(colour: str) -> str:
    """Return whether "dark" or "light" text is easier to read on a colour (relative luminance)."""
    parts = [c / 255 for c in _rgb(colour)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "dark" if luminance > 0.179 else "light"
