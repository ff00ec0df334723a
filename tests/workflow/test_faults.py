"""Killed jobs, full disks, damaged files, two runs: the same tables, or a clear sentence."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_of

SPREAD = True
RULES = ("check", "prepare", "embed", "map", "fit", "summarise", "report", "index")
# a run from start to end may take minutes on a busy machine
pytestmark = pytest.mark.timeout(1200)


@contextlib.contextmanager
def running(project: Project, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the workflow in a process group of its own; nothing of it outlives the block."""
    project.write()
    with (project.folder / "console.txt").open("ab") as console:
        process = subprocess.Popen(
            project.command("--cores", "2", *arguments),
            cwd=project.folder,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def wait_for(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: int = 400
) -> None:
    limit = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, "the run ended before the moment to disturb it"
        assert time.monotonic() < limit, "the moment to disturb it did not come"
        time.sleep(0.02)


def scripts_of(group: int) -> list[int]:
    """Processes of a group that run a script of a rule."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry.name)) == group:
                    command = (entry / "cmdline").read_bytes()
                    if b".snakemake/scripts/" in command and b"snakemake\0--" not in command:
                        found.append(int(entry.name))
    return found


def started(project: Project, rule: str) -> Callable[[], bool]:
    """Whether a job of a rule has opened its log since now."""
    folder = project.folder / "logs"
    begin = time.time_ns()

    def there() -> bool:
        logs = [*folder.glob(f"{rule}/*.log"), *folder.glob(f"{rule}.log")]
        return any(log.stat().st_mtime_ns > begin for log in logs)

    return there


def disturb(project: Project, rule: str, *, everything: bool, delay: float) -> None:
    """Run; when a job of the rule has begun, wait and kill it, or the whole run with it.

    The rule is forced: where two jobs run side by side, one ends while the other is killed.
    """
    with running(project, "--forcerun", rule) as process:
        wait_for(process, started(project, rule))
        time.sleep(delay)
        if everything:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            for script in scripts_of(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(script, signal.SIGKILL)
        process.wait(timeout=300)
    if everything:
        assert project.run("--unlock").returncode == 0


def assert_undisturbed(project: Project, undisturbed: dict[str, bytes], *arguments: str) -> None:
    done = project.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.tables() == undisturbed
    assert not parts_in(project)
    assert project.jobs() == {}


def parts_in(project: Project) -> list[Path]:
    """Files that were not written to their end."""
    return [p for p in (project.folder / "results").rglob(".*") if ".part" in p.name]


def test_killed_at_every_rule(project: Project, undisturbed: dict[str, bytes]) -> None:
    chance = random.Random(0)
    for number, rule in enumerate(RULES):
        disturb(project, rule, everything=number % 2 == 0, delay=chance.uniform(0, 1.5))
    assert_undisturbed(project, undisturbed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 9))
def test_killed_at_many_moments(project: Project, undisturbed: dict[str, bytes], seed: int) -> None:
    chance = random.Random(seed)
    for rule in RULES:
        for _ in range(chance.randint(0, 2)):
            disturb(
                project, rule, everything=chance.random() < 0.5, delay=chance.expovariate(1 / 2)
            )
    assert_undisturbed(project, undisturbed)


def test_after_a_crash_the_sentences_say_what_to_do(project: Project) -> None:
    with running(project) as process:
        wait_for(process, started(project, "check"))
    text = failed(project)
    assert "cannot be locked" in text
    assert "--unlock" in text
    assert project.run("--unlock").returncode == 0


def test_two_runs_in_one_folder(
    tiny_project: Project, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """The first is held in the middle of a job while the second is tried."""
    project = copy_of(tiny_project, tmp_path / "two runs")
    (project.folder / "reports" / "drug.html").unlink()
    with running(project) as first:
        wait_for(first, started(project, "report"))
        os.killpg(first.pid, signal.SIGSTOP)
        text = failed(project)
        os.killpg(first.pid, signal.SIGCONT)
        assert "no other Snakemake process" in text
        assert str(project.folder) in text
        assert first.wait(timeout=600) == 0
    assert_undisturbed(project, undisturbed)


def failed(project: Project, **options: object) -> str:
    done = project.run(**options)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    return text


def test_files_that_cannot_grow(project: Project) -> None:
    """Every write beyond a size fails, as it does where a disk is full; what is done is kept."""
    assert "The disk is full" in failed(project, largest_file=150)
    assert not parts_in(project)
    assert project.planned() == {*RULES} - {"check"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)


def test_full_disk(project: Project, small_disk: Path, undisturbed: dict[str, bytes]) -> None:
    (project.folder / "results").symlink_to(small_disk, target_is_directory=True)
    assert "The disk is full" in failed(project)
    larger = ["mount", "-o", "remount,size=50m", str(small_disk)]
    subprocess.run(larger, check=True, timeout=20)
    assert_undisturbed(project, undisturbed)


@pytest.mark.parametrize("name", ["results", "."])
def test_read_only_disk(project: Project, small_disk: Path, name: str) -> None:
    """Said before anything is run; rights alone would not stop root, so the disk is read-only."""
    if name == "results":
        (project.folder / name).symlink_to(small_disk, target_is_directory=True)
    else:
        project = Project(small_disk, project.code, rows=project.rows)
    project.write()
    read_only = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(read_only, check=True, timeout=20)
    text = failed(project, write=False)
    assert f"{small_disk} cannot be written to" in text
    assert "Traceback" not in text
    if name == "results":
        assert not (project.folder / "logs").exists()


def test_damaged_intermediate_files(
    tiny_project: Project, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """One of each kind that is read in its own way: HDF5, JSON, NumPy."""
    project = copy_of(tiny_project, tmp_path / "damaged")
    assert project.jobs() == {}
    results = project.folder / "results"
    # otherwise nothing would be made again: tables and reports from before the damage are good
    for made in (*(results / "drug").glob("*.tsv*"), *project.folder.glob("reports/*.html")):
        made.unlink()
    for name in ("data/prepared.h5ad", "data/embedding.json", "drug/fit.npz"):
        path = results / name
        content, then = path.read_bytes(), path.stat()
        for half, part in enumerate((content[: len(content) // 2], content)):
            path.write_bytes(part)
            os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
            if half == 0:
                text = failed(project)
        assert "was damaged, delete it and run again" in text
        assert f"results/{name}" in text
    path.unlink()
    assert_undisturbed(project, undisturbed)
