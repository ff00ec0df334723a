"""The benchmark of GPUs runs its jobs on any two devices, and says when there is one only."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import jax
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("gpu")


def test_a_machine_without_a_gpu_is_told_so(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "accelerator", lambda: None)
    gpu.main(1000)
    assert "No GPU is present" in capsys.readouterr().out


def test_jobs_give_one_answer_on_equal_devices(gpu: ModuleType) -> None:
    for make in gpu.jobs(400).values():
        cpu, other, off = gpu.compared(make, jax.devices("cpu")[0])
        assert min(cpu, other) > 0
        assert off == 0
