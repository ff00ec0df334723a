"""A fingerprint follows imports, and an edit of a remark does not change it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT
from workflow import fingerprint
from workflow.fingerprint import WRITERS, digest


def test_a_fingerprint_follows_imports(tmp_path: Path) -> None:
    package = tmp_path / "cgmm"
    package.mkdir()
    (package / "a.py").write_text("from cgmm import b\n")
    (package / "b.py").write_text("def f():\n    from .c import g\n")
    (package / "c.py").write_text("g = 1\n")
    (package / "d.py").write_text("h = 1\n")
    first = digest(tmp_path, "cgmm.a")
    (package / "d.py").write_text("h = 2\n")
    assert digest(tmp_path, "cgmm.a") == first
    (package / "c.py").write_text("g = 1  # the same\n")
    assert digest(tmp_path, "cgmm.a") == first
    (package / "c.py").write_text("g = 2\n")
    assert digest(tmp_path, "cgmm.a") != first


@pytest.mark.parametrize("damage", [None, "", "[", "[1]"])
def test_what_is_known_of_files_is_kept_and_its_loss_does_no_harm(
    damage: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "new" / "kept.json"
    monkeypatch.setattr(fingerprint, "KEPT", kept)
    found = []
    for _ in range(2):
        fingerprint._kept.cache_clear()
        found.append(digest(ROOT, "cgmm.thresholds"))
        assert kept.is_file()
        if damage is not None:
            kept.write_text(damage)
    assert found[0] == found[1]
    fingerprint._kept.cache_clear()


def test_files_beside_the_code_count_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "cgmm" / "page").mkdir(parents=True)
    (tmp_path / "cgmm" / "page" / "a.py").write_text("x = 1\n")
    style = tmp_path / "cgmm" / "page" / "style.css"
    style.write_text("p {}")
    first = digest(tmp_path, "cgmm.page")
    style.write_text("p { }")
    assert digest(tmp_path, "cgmm.page") != first


def test_what_a_writer_imports_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "cgmm" / "_utils").mkdir(parents=True)
    (tmp_path / "cgmm" / "other.py").write_text("x = 1\n")
    (tmp_path / WRITERS[0]).write_text("from cgmm import other\n")
    first = digest(tmp_path, "cgmm._utils.files")
    (tmp_path / "cgmm" / "other.py").write_text("x = 2\n")
    assert digest(tmp_path, "cgmm._utils.files") == first


def test_every_writer_and_every_module_that_a_rule_names_is_there() -> None:
    for path in WRITERS:
        assert (ROOT / path).is_file()
    named = set()
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        for call in re.findall(r"\bcode\(([^)]*)\)", rules.read_text(encoding="utf-8")):
            named |= set(re.findall(r'"(cgmm[\w.]*)"', call))
    assert len(named) > 5
    nothing = digest(ROOT)
    assert all(digest(ROOT, name) != nothing for name in named)
