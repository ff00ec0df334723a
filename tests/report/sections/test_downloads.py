"""A page that would be too large leaves its largest files in the results folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cgmm.report import build
from cgmm.report.sections import downloads
from tests.report.folders import make_folder

CARRIED = r'download="([^"]+)"'


def test_the_largest_files_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path / "study", k=4, n_cells=1500)
    whole = build(folder, tmp_path / "whole.html").read_text(encoding="utf-8")
    assert "study_cells.tsv.gz" in re.findall(CARRIED, whole)
    limit = len(whole.encode()) - 1000
    monkeypatch.setattr(downloads, "MAX_PAGE", limit)
    page = build(folder, tmp_path / "light.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= limit
    left = set(re.findall(CARRIED, whole)) - set(re.findall(CARRIED, page))
    assert left == {"study_cells.tsv.gz"}
    assert re.search(r"too large to carry along \(\d+ kB\): results/study/cells\.tsv\.gz", page)


def test_a_page_without_room_carries_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "study", k=4, n_cells=1500)
    monkeypatch.setattr(downloads, "MAX_PAGE", 1)
    page = build(folder, tmp_path / "light.html").read_text(encoding="utf-8")
    assert re.findall(CARRIED, page) == []
    assert "results/study/factors.tsv" in page
