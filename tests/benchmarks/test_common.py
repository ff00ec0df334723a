"""Tables of the benchmarks say when, with what and on which kind of machine they were made."""

from __future__ import annotations

import importlib
import platform
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def test_a_table_names_versions_and_machine_and_neither_host_nor_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    common = importlib.import_module("_common")
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(common, "HERE", tmp_path)
    common.publish("made", "A title", ["a row"])
    (written,) = (tmp_path / "results").iterdir()
    title, versions, machine, empty, row = written.read_text("utf-8").splitlines()
    assert (title, empty, row) == ("A title", "", "a row")
    assert re.match(r"20\d\d-\d\d-\d\d, Python .*jax", versions)
    assert re.fullmatch(r"machine: \d+ cores?, \d+ GiB memory", machine)
    assert platform.node() not in versions + machine
