"""A table is written with the same bytes every time."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from cgmm.results.write import write_table


def test_a_table_is_text_with_six_digits_and_empty_fields(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", "NA"], "x": [1 / 3, np.nan], "n": [1, 2]})
    write_table(table, tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_bytes() == b"name\tx\tn\na\t0.333333\t1\nNA\t\t2\n"


def test_a_compressed_table_has_no_time_in_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": np.arange(100)})
    for name in ("a", "b"):
        write_table(table, tmp_path / f"{name}.tsv.gz")
    first, second = (tmp_path / f"{name}.tsv.gz" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).decode().splitlines()[1] == "0"
