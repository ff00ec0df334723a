"""Reports are written again from their results folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgmm.__main__ import main
from cgmm.report import build


def test_reports_are_made_again(made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = made("two")
    assert main(["report", str(folder), "--to", str(tmp_path / "pages")]) == 0
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "pages" / name) for name in ("two.html", "index.html")
    ]
    expected = build(folder, tmp_path / "expected.html").read_bytes()
    assert (tmp_path / "pages" / "two.html").read_bytes() == expected


def test_a_folder_without_results_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path), "--to", str(tmp_path / "pages")]) == 1
    assert "No report was written" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "a" / "x"), str(tmp_path / "b" / "x")]) == 1
    assert "the same name" in capsys.readouterr().err
