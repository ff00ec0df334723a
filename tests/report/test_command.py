"""Reports are written again from their results folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cgmm.__main__ import main
from cgmm.report import build, command
from cgmm.tables import OF_TARGETS


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


def test_the_folder_of_several_targets_stands_for_its_targets_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results" / "dose"
    folder.mkdir(parents=True)
    about = {"name": "dose", "source": "none", "targets": ["low", "high"]}
    about["members"] = ["dose.low", "dose.high"]
    (folder / "targets.json").write_text(json.dumps(about), encoding="utf-8")
    for table in OF_TARGETS.values():
        (folder / table.file).write_text("\t".join(table.names) + "\n", encoding="utf-8")
    calls: list[tuple[object, ...]] = []

    def called(*arguments: object, **more: object) -> object:
        calls.append((*arguments, *more.values()))
        return next(a for a in reversed(arguments) if isinstance(a, Path))

    for name in ("build", "build_targets", "build_index"):
        monkeypatch.setattr(command, name, called)
    members = [tmp_path / "results" / name for name in about["members"]]
    # a target that is named as well is written once
    assert main(["report", str(folder), str(members[0]), "--to", str(tmp_path)]) == 0
    pages = [tmp_path / f"{name}.html" for name in about["members"]]
    common = tmp_path / "dose.html"
    assert calls == [
        (members[0], pages[0], None),
        (members[1], pages[1], None),
        (folder, members, pages, common, None),
        (members, pages, tmp_path / "index.html", [folder], [common]),
    ]
    assert capsys.readouterr().out.split()[-2:] == [str(common), str(tmp_path / "index.html")]
