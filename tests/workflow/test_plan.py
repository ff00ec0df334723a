"""The plan of a run: cells from the headers of files, and what a command line asks for."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from workflow.plan import cells_of, gigabytes, is_dry_run, plan, seconds_of_comparison


def _file(path: Path, n_cells: int) -> dict[str, str]:
    ad.AnnData(X=np.zeros((n_cells, 2), dtype=np.float32)).write_h5ad(path)
    return {"path": str(path), "condition": path.stem}


def test_cells_are_counted_once_per_file(tmp_path: Path) -> None:
    rows = [_file(tmp_path / "a.h5ad", 30), _file(tmp_path / "b.h5ad", 12)]
    assert cells_of(rows) == 42
    assert cells_of([rows[0], rows[0] | {"condition": "b"}]) == 30


def test_a_plan_names_cells_minutes_and_memory(tmp_path: Path) -> None:
    rows = [_file(tmp_path / f"{name}.h5ad", 40) for name in ("a", "b", "c")]
    (line,) = plan({"drug": {"source": "a", "target": "c", "dataset": "data"}}, {"data": rows})
    assert line == "drug: up to 80 cells, about 1 min on one core and 0.6 GB"


def test_what_cannot_be_read_has_no_estimate(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad").write_bytes(b"no HDF5")
    for path in ("a.h5ad", "nowhere.h5ad", "b.fcs"):
        rows = [{"path": str(tmp_path / path), "condition": "a"}]
        (line,) = plan({"x": {"source": "a", "target": "a", "dataset": "d"}}, {"d": rows})
        assert "no estimate" in line


def test_estimates_grow_with_the_cells_and_match_measured_runs() -> None:
    assert seconds_of_comparison(14_000) == pytest.approx(51 + 13 + 4, rel=0.15)
    assert seconds_of_comparison(20_000) == pytest.approx(60 + 8 + 2, rel=0.2)
    assert gigabytes(20_000) == pytest.approx(0.80, rel=0.1)
    assert gigabytes(1_000_000) > gigabytes(100_000) > gigabytes(10_000)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-n"], True),
        (["--dry-run", "--cores", "2"], True),
        (["--cores", "2", "-pn"], True),
        (["--cores", "2"], False),
        (["--configfile", "config/n"], False),
        (["--until", "run"], False),
    ],
)
def test_a_dry_run_is_known_by_its_arguments(arguments: list[str], expected: bool) -> None:
    assert is_dry_run(arguments) is expected
