"""Files of a results folder, and numbers as the report writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd


def tsv(folder: Path, name: str) -> pd.DataFrame:
    """Read a table; only empty fields are missing."""
    return pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


def write_tsv(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write a table back."""
    table.to_csv(folder / f"{name}.tsv", sep="\t", index=False)


def change_report(folder: Path, **changes: object) -> None:
    """Change blocks of report.json; a dict updates the block."""
    path = folder / "report.json"
    meta = json.loads(path.read_text())
    for key, value in changes.items():
        meta[key] = {**meta.get(key, {}), **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(meta))


def ratio(log2: float) -> str:
    """Write a log2 factor as a ratio."""
    v = 2.0**log2
    return f"{v:.0f}" if v >= 9.995 else f"{v:.2f}"


def percent(v: float) -> str:
    """Write a share in percent."""
    return f"{100 * v:.0f}%" if 100 * v >= 9.95 else f"{100 * v:.1f}%"


def wide_shares(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares of populations in both conditions, donors x populations."""
    wide = tsv(folder, "donors").pivot_table(
        index=["side", "donor"], columns="component", values="share"
    )
    return wide.loc["source"], wide.loc["target"]


def leave_one_out(folder: Path, k: int) -> dict[str, float]:
    """Net factors of population `k` without each donor, from the shares alone."""
    s, t = wide_shares(folder)
    out = {}
    for donor in sorted({*s.index, *t.index}):
        keep0, keep1 = s.index != donor, t.index != donor
        out[donor] = np.log2(t.to_numpy()[keep1, k].mean() / s.to_numpy()[keep0, k].mean())
    return out
