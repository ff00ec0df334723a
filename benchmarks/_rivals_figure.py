"""The figure of the comparison: false alarms against power, and the worst error of rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

IMAGE = Path(__file__).resolve().parents[1] / "docs" / "images" / "rivals.svg"
OURS, REST = "#b3420a", "#5b6770"
HONEST = 0.07


def draw(summary: pd.DataFrame, labels: dict[str, str], path: Path = IMAGE) -> None:
    """Draw both panels from the kept figures.

    Parameters
    ----------
    summary
        The table ``rivals/summary.tsv``.
    labels
        Name of every method, as it is shown.
    path
        The figure.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context({"font.size": 9, "svg.hashsalt": "cgmm", "svg.fonttype": "none"}):
        fig, (left, right) = plt.subplots(
            1, 2, figsize=(9.6, 4.2), gridspec_kw={"width_ratios": [1, 1.1]}, layout="constrained"
        )
        _alarms(left, summary, labels)
        _errors(right, summary, labels)
        fig.savefig(path, metadata={"Date": None})
        plt.close(fig)


def _alarms(axes: object, summary: pd.DataFrame, labels: dict[str, str]) -> None:
    of = summary[(summary["part"] == "joint") & (summary["shift"] > 0)]
    of = of[(of["kind"] == "gaussian") & of["alarms"].notna()]
    most = of["donors"].max()
    of = of[of["donors"] == most].sort_values("alarms")
    names = [labels.get(m, m) for m in of["method"]]
    colours = [OURS if m == "cgmm" else REST for m in of["method"]]
    place = range(len(of))
    axes.barh(place, of["alarms"], xerr=of["alarms_error"], color=colours, height=0.7)
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.axvline(0.05, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1)
    axes.set_xlabel("unchanged rows with p < .05; dotted: 5 %")
    axes.set_title(f"False alarms when states move\n(simulation, {most:.0f} v {most:.0f} donors)")
    axes.spines[["top", "right"]].set_visible(False)


def _errors(axes: object, summary: pd.DataFrame, labels: dict[str, str]) -> None:
    of = summary[(summary["part"] == "shift") & summary["worst_row"].notna()]
    of = of[of["complete"].astype(str) == "True"].sort_values("worst_row")
    colours = [OURS if m == "cgmm" else REST for m in of["method"]]
    place = range(len(of))
    axes.barh(place, of["worst_row"], color=colours, height=0.7)
    axes.set_yticks(place, [labels.get(m, m) for m in of["method"]])
    axes.invert_yaxis()
    axes.set_xlabel("error of log2 factors, worst of the cases")
    axes.set_title("Error of net factors on real data\n(labels hidden)")
    axes.spines[["top", "right"]].set_visible(False)
