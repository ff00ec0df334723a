"""What runs again after a change, and what does not: plans of a run that has ended."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_code, copy_of

# the shared run is made by the first test that wants it
pytestmark = pytest.mark.timeout(1200)

AFTER_FIT = {"fit", "summarise", "report", "index"}
EMBEDDED = {"embed", "map"} | AFTER_FIT


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_project: Project) -> Project:
    """A copy of the undisturbed run, with a copy of the code that may be edited."""
    base = tmp_path_factory.mktemp("run")
    return copy_of(tiny_project, base / "a lab", copy_code(base / "code"))


def test_second_run_does_nothing_and_says_so(finished: Project) -> None:
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def edited(path: Path, old: str = "", new: str = "\n\n_EDITED = 1\n") -> str:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    return text


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("cgmm/report/build.py", {"report", "index"}),
        ("cgmm/report/static/report.css", {"report", "index"}),
        ("cgmm/results/write.py", {"summarise", "report", "index"}),
        ("cgmm/coupled/fit.py", AFTER_FIT),
        ("cgmm/pp/_embed.py", EMBEDDED),
        ("cgmm/pp/_prepare.py", {"prepare"} | EMBEDDED),
        ("cgmm/pp/_sample_checks.py", {"check", "prepare"} | EMBEDDED),
        ("cgmm/simulate/_counts.py", set()),
        ("cgmm/pl/__init__.py", set()),
    ],
)
def test_editing_code_runs_again_what_depends_on_it(
    finished: Project, file: str, rules: set[str]
) -> None:
    path = finished.code / file
    before = edited(path)
    try:
        assert finished.planned() == rules
    finally:
        path.write_text(before, encoding="utf-8")


def test_comments_and_layout_do_not_count(finished: Project) -> None:
    path = finished.code / "cgmm" / "coupled" / "fit.py"
    before = edited(path, new="\n# a remark\n\n\n")
    try:
        assert finished.planned() == set()
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "rules"),
    [
        (("fit", "rho"), 3.0, AFTER_FIT),
        (("fit", "random_state"), 2, EMBEDDED),
        (("n_dims",), 3, EMBEDDED),
        (("qc", "min_genes"), 12, {"prepare"} | EMBEDDED),
        (("annotation_key",), "cell_type", {"check_annotation", "summarise", "report", "index"}),
        (("markers",), "lab.yaml", {"check_markers", "summarise", "report", "index"}),
        (("test_genes",), False, {"summarise", "report", "index"}),
        (("comparisons", 0, "title"), "New", {"report", "index"}),
    ],
)
def test_changing_a_setting_runs_again_what_depends_on_it(
    finished: Project, keys: tuple, value: object, rules: set[str]
) -> None:
    place = finished.settings
    for key in keys[:-1]:
        place = place[key]
    absent = object()
    before = place.get(keys[-1], absent)
    place[keys[-1]] = value
    try:
        assert finished.planned() == rules
    finally:
        if before is absent:
            del place[keys[-1]]
        else:
            place[keys[-1]] = before
        finished.write()


def test_a_new_sample_or_newer_file_runs_everything(finished: Project) -> None:
    path = finished.folder / finished.rows[0]["path"]
    everything = {"check", "prepare"} | EMBEDDED
    row = finished.rows.pop()
    assert finished.planned() == everything
    finished.rows.append(row)
    assert finished.planned() == set()
    before = path.stat()
    os.utime(path, (time.time() + 5, time.time() + 5))
    try:
        assert finished.planned() <= everything
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


SCATTERED = ("fit", "summarise", "report")


def other_project(finished: Project, own: list[dict[str, str]]) -> Project:
    """The finished project as somebody changed it: its rows may be edited."""
    settings = {**finished.settings, "comparisons": [*finished.settings["comparisons"]]}
    return Project(finished.folder, finished.code, settings, [*finished.rows, *own])


def second_dataset(finished: Project) -> list[dict[str, str]]:
    return [row | {"sample": f"2{row['sample']}", "dataset": "new"} for row in finished.rows]


@pytest.mark.parametrize("annotation", [None, "cell_type"])
def test_a_new_comparison_runs_itself_only(finished: Project, annotation: str | None) -> None:
    project = other_project(finished, [])
    project.settings["comparisons"] += [
        {"name": name, "source": "after/drug", "target": "before drug"} for name in ("back", "b2")
    ]
    if annotation:
        project.settings["comparisons"][-1]["annotation_key"] = annotation
    expected = (
        dict.fromkeys(SCATTERED, 2) | {"index": 1} | ({"check_annotation": 1} if annotation else {})
    )
    try:
        assert project.jobs() == expected
    finally:
        finished.write()


def test_a_new_dataset_leaves_the_others_alone(finished: Project) -> None:
    project = other_project(finished, second_dataset(finished))
    project.settings["comparisons"][0]["dataset"] = "data"
    project.settings["comparisons"].append(
        {"name": "new", "source": "before drug", "target": "after/drug", "dataset": "new"}
    )
    try:
        assert project.jobs() == dict.fromkeys(
            ("check", "prepare", "embed", "map", *SCATTERED, "index"), 1
        )
    finally:
        del project.settings["comparisons"][0]["dataset"]
        finished.write()


def test_a_new_sample_runs_its_dataset_only(finished: Project) -> None:
    """Cells of a dataset share one space, so all of it is new; other datasets stay."""
    project = other_project(finished, second_dataset(finished)[:-1])
    project.settings["comparisons"] = [
        {"name": name, "source": "before drug", "target": "after/drug", "dataset": dataset}
        for name, dataset in (("drug", "data"), ("new", "new"))
    ]
    try:
        done = project.run("--until", "check")
        assert done.returncode == 0, done.stdout + done.stderr
        project.rows.append(second_dataset(finished)[-1])
        jobs = project.jobs()
    finally:
        shutil.rmtree(finished.folder / "results" / "new")
        finished.write()
    assert jobs == dict.fromkeys(("check", "prepare", "embed", "map", *SCATTERED, "index"), 1)


def test_batches_of_the_reports(finished: Project) -> None:
    """``--batch reports=i/n`` runs every comparison in one of the batches, and in no other."""
    project = other_project(finished, [])
    names = [f"c{i}" for i in range(6)]
    project.settings["comparisons"] = [
        {"name": name, "source": "after/drug", "target": "before drug"} for name in names
    ]
    try:
        # the last batch is planned only when all others are done
        batches = [project.jobs("--batch", f"reports={i}/3", "reports") for i in (1, 2)]
    finally:
        finished.write()
    for batch in batches:
        batch.pop("reports", None)
        assert batch == dict.fromkeys(SCATTERED, 2)


def test_a_missing_file_is_said_although_results_exist(finished: Project) -> None:
    path = finished.folder / finished.rows[0]["path"]
    away = path.with_name("away")
    path.rename(away)
    try:
        done = finished.run()
    finally:
        away.rename(path)
    assert done.returncode != 0
    assert "does not exist" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
