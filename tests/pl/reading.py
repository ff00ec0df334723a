"""What a figure shows, read back from its parts."""

from __future__ import annotations

from matplotlib.axes import Axes


def overlaps(texts: list) -> int:
    boxes = [t.get_window_extent() for t in texts if t.get_text().strip()]
    # boxes of text carry a margin above and below the letters
    small = [b.shrunk(1, 0.75).translated(0, b.height / 8) for b in boxes]
    return sum(a.overlaps(b) for i, a in enumerate(small) for b in small[:i])


def patches(ax: Axes, prefix: str) -> dict[str, object]:
    return {str(p.get_gid()): p for p in ax.patches if str(p.get_gid()).startswith(prefix)}


def ends(ribbon: object) -> tuple[float, float]:
    """Width of a ribbon where it leaves and where it arrives."""
    path = ribbon.get_path().vertices  # type: ignore[attr-defined]
    return path[7, 1] - path[0, 1], path[4, 1] - path[3, 1]
