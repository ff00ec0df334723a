"""Every example of the page on designs runs, and the numbers in its text are those it gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "designs.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTERVAL = r"log2 (-?[\d.]+) \[(-?[\d.]+), (-?[\d.]+)\]"
pytestmark = pytest.mark.timeout(600)  # four fits and their compilation, on a busy machine


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def names(page: str) -> dict[str, Any]:
    """Run the page; return its names, and under "printed" what it printed."""
    printed: list[str] = []
    found: dict[str, Any] = {"print": lambda *words: printed.append(" ".join(map(str, words)))}
    for i, block in enumerate(BLOCK.findall(page)):
        exec(compile(block, f"designs.md, block {i + 1}", "exec"), found)
    plt.close("all")
    return found | {"printed": printed}


def row_of(table: pd.DataFrame, name: str, kind: str = "condition") -> pd.Series:
    return table[(table["name"] == name) & (table["kind"] == kind)].iloc[0]


def stated(row: pd.Series, change: str = "log2_change", ends: str = "ci") -> str:
    """Return a factor as the page writes it."""
    return f"{row[change]:.2f} [{row[f'{ends}_low']:.2f}, {row[f'{ends}_high']:.2f}]"


def test_the_page_prints_what_it_says(page: str, names: dict[str, Any]) -> None:
    comments = [line[2:] for line in page.splitlines() if line.startswith("# ")]
    assert names["printed"]
    for sentence in names["printed"]:
        assert sentence in comments


def test_factors_in_the_text_are_those_of_the_example(page: str, names: dict[str, Any]) -> None:
    adjusted = names["adjusted"]
    rows = [
        row_of(names["plain"], "Alpha"),
        row_of(adjusted, "Alpha"),
        row_of(adjusted, "Alpha", "factor"),
        row_of(names["apart"], "Zeta", "interaction"),
        row_of(names["absolute"], "Delta"),
    ]
    for row in rows:
        assert stated(row) in page
    assert stated(rows[-1], "log2_absolute", "absolute") in page
    assert rows[3]["words"] in page
    null = names["null"].iloc[0]
    assert f"{null['n_called']} of 6 populations" in page
    assert f"{null['mean_called']:.2f} on average" in page.replace("and .", "and 0.")


def test_every_design_finds_what_was_put_in(names: dict[str, Any]) -> None:
    plain, adjusted = (row_of(names[k], "Alpha") for k in ("plain", "adjusted"))
    # the truth is -0.18
    assert plain["log2_change"] > 0 > adjusted["log2_change"]
    assert adjusted["ci_low"] < -0.18 < adjusted["ci_high"]
    assert row_of(names["apart"], "Zeta", "interaction")["ci_high"] < 0
    absolute = row_of(names["absolute"], "Delta")
    np.testing.assert_allclose(absolute["log2_absolute"] - absolute["log2_change"], 1.58, atol=0.1)
    trends = names["trends"].set_index("name")
    assert trends.loc["Beta", "ci_low"] > 0
    assert (trends.drop("Beta")["ci_high"] < trends.loc["Beta", "log2_trend"]).all()
    assert names["genes"]["de_p"].notna().any()
