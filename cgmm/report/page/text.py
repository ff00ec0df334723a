"""How numbers and names are written, the same in text, tables and figures."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeGuard

from cgmm._utils.labels import shortened

INTERVAL_WORDS = {
    False: "The thin line with end marks is the 95% interval over donors. ",
    True: "The thin line with end marks is a 95% interval from drawing cells: too narrow, no "
    "donors. ",
}
ARROW = re.compile(r" (up|down)(?=,|$)")


def arrow(found: re.Match[str]) -> str:
    """Write the direction of a gene as an arrow."""
    return "\u00a0↑" if found[1] == "up" else "\u00a0↓"


def whole(value: float) -> str:
    """Write a number without decimals."""
    return f"{value:.0f}"


MINUS = "\u2212"
DASH = "\u2013"
MIN_PROBABILITY = 1e-10  # a smaller p says no more, and rests on tails that nobody can check


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def fixed(value: float, digits: int = 2) -> str:
    """Write a decimal number with a true minus sign."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 1) -> str:
    """Write a decimal number with its sign; zero has none."""
    shown = fixed(value, digits)
    return f"+{shown}" if float(f"{value:.{digits}f}") > 0 else shown


def sentence(words: str) -> str:
    """Start `words` with a capital letter and end them with a full stop."""
    words = words.strip()
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def ratio(value: float) -> str:
    """Write a positive ratio, with two decimals below ten: 0.04, 0.95, 1.32, 2.60, 12."""
    if value >= 9.995:
        return f"{value:.0f}" if value < 1000 else "over 1000"
    if value >= 0.01:
        return f"{value:.2f}"
    return "under 0.01"


def fold(log2_value: float) -> str:
    """Write a log2 change as a factor: ×0.95, under ×0.01, over ×1000."""
    before, _, number = ratio(2.0**log2_value).rpartition(" ")
    return f"{before} ×{number}".lstrip()


def fold_range(low: float, high: float) -> str:
    """Write a log2 interval as a range of factors."""
    return f"{ratio(2.0**low)}{DASH}{ratio(2.0**high)}"


def bracket(interval: str) -> str:
    """Write a 95 % interval after its number: [0.44–0.92]."""
    return f"[{interval}]"


def fixed_range(low: float, high: float) -> str:
    """Write an interval of plain numbers."""
    return f"{fixed(low)}{DASH}{fixed(high)}"


def percent(value: float) -> str:
    """Write a share as a percentage."""
    if not is_number(value):
        return "unknown"
    scaled = 100.0 * value
    if 0 < scaled < 0.1:
        return "<0.1%"
    return f"{scaled:.0f}%" if scaled >= 9.95 or scaled == 0 else f"{scaled:.1f}%"


def probability(value: float) -> str:
    """Write a p or q value; below 1e-10 only that it is below."""
    if value < MIN_PROBABILITY:
        return f"<1e{MINUS}10"
    if value < 0.001:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", MINUS)
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def count(value: float) -> str:
    """Write a whole number with thin thousands separators."""
    return f"{round(value):,}".replace(",", "\u202f")


def short(name: str, limit: int = 24) -> str:
    """Return `name` cut to `limit` characters, for a label in a figure."""
    return shortened(name, limit)


def join(parts: Sequence[str], last: str = "and") -> str:
    """Write a list as words: a, b and c."""
    parts = list(parts)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def join_some(parts: Sequence[str], limit: int = 6) -> str:
    """Write the first few of a list, and how many more."""
    if len(parts) <= limit:
        return join(parts)
    return f"{', '.join(parts[:limit])} and {len(parts) - limit} more"


def plural(n: int, singular: str, several: str | None = None) -> str:
    """Write `n` with its noun, in the plural unless `n` is one."""
    return f"{n} {singular if n == 1 else several or singular + 's'}"
