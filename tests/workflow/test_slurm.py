"""The workflow on a real cluster of one node: the same tables as on one machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflow.cluster import Slurm, missing, single_node
from tests.workflow.conftest import ROOT, Project

# what a user of this cluster adds: it has no accounting, and its jobs are short
HERE = (
    "--workflow-profile",
    str(ROOT / "workflow" / "profiles" / "slurm"),
    "--slurm-no-account",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=1",
    "--latency-wait=10",
    "--set-threads",
    "fit=2",
    "summarise=2",
)
# too little memory for the first attempt of the check; a GPU for the fit
ASKED = ("--set-resources", "check:mem_mb=30 if attempt == 1 else 1500", "fit:gpu=1")


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    if reason := missing():
        pytest.skip(reason)
    with single_node() as cluster:
        yield cluster


@pytest.mark.timeout(1200)
def test_jobs_through_slurm(slurm: Slurm, project: Project, undisturbed: dict[str, bytes]) -> None:
    done = project.run(*ASKED, where=HERE, env=slurm.environment, timeout=900)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert project.tables() == undisturbed

    jobs = slurm.jobs()
    rules = [job.comment.removeprefix("rule_").split("_wildcards_")[0] for job in jobs]
    assert rules[:4] == ["check", "check", "prepare", "embed"]
    assert sorted(rules[4:6]) == ["fit", "map"]  # side by side
    assert rules[6:] == ["summarise", "report", "index"]
    assert jobs[0].state != "COMPLETED", jobs[0]  # more than its memory: ended, tried again
    assert {job.state for job in jobs[1:]} == {"COMPLETED"}
    assert [job.memory for job in jobs[:2]] == ["30M", "1500M"]
    assert [job.limit for job in jobs[:2]] == ["30:00", "1:00:00"]
    fit = jobs[rules.index("fit")]
    assert fit.threads == "2"
    assert "gpu" in fit.gpus
    assert {job.gpus for job in jobs if job is not fit} == {"N/A"}

    again = project.run(*ASKED, where=HERE, env=slurm.environment)
    assert "Nothing to be done" in again.stdout + again.stderr
    assert len(slurm.jobs()) == len(jobs)
