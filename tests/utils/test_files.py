"""Files are whole or absent, and older programs read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils.files import atomic
from cgmm._utils.h5ad import write_h5ad
from tests.made import encodings

FRAMES = ("components", "factors", "transfers", "arrivals", "shifts", "genes", "donors")
FULL_DISK = """
import os, resource, sys
from pathlib import Path
import anndata as ad
from cgmm._utils import files, h5ad

whole, path = Path(sys.argv[1]), Path(sys.argv[2])
adata = ad.read_h5ad(whole)
# no file of this process may grow beyond this, as on a disk that is full
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
try:
    if path.suffix == ".h5ad":
        h5ad.write_h5ad(adata, path)
    else:
        with files.atomic(path) as temporary:
            temporary.write_bytes(bytes(50_000))
except OSError as error:
    print(error)
sys.stdout.flush()
os._exit(0)
"""


def test_tables_survive_a_file(fitted: ad.AnnData, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "fit.h5ad"
    write_h5ad(fitted, path)
    back = ad.read_h5ad(path)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(cg.get, name)(back), getattr(cg.get, name)(fitted))
    assert cg.get.params(back) == cg.get.params(fitted)
    assert list(back.obs["cgmm_component"]) == list(fitted.obs["cgmm_component"])


def test_text_is_written_so_that_old_readers_know_it(fitted: ad.AnnData, tmp_path: Path) -> None:
    fitted.obs["note"] = pd.array(
        ["a"] * fitted.n_obs, dtype="str" if pd.__version__ >= "3" else object
    )
    path = tmp_path / "fit.h5ad"
    write_h5ad(fitted, path)
    kinds = encodings(path)
    assert kinds["obs/_index"] == "string-array"
    assert kinds["obs/note"] in {"string-array", "categorical"}
    assert not [n for n, kind in kinds.items() if kind.startswith("nullable-string")]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    simulated: ad.AnnData, tmp_path: Path
) -> None:
    path = tmp_path / "data.h5ad"
    path.write_text("old")
    simulated.uns["bad"] = object()
    with pytest.raises(Exception, match=r"bad|object|write"):
        write_h5ad(simulated, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.h5ad", "a.tsv"])
def test_a_full_disk_never_leaves_a_half_file(
    simulated: ad.AnnData, tmp_path: Path, name: str
) -> None:
    whole, folder = tmp_path / "whole.h5ad", tmp_path / "full"
    folder.mkdir()
    write_h5ad(simulated[:50].copy(), whole)
    path = folder / name
    path.write_text("old")
    # in a process of its own: HDF5 does not recover from a file that it could not close
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL_DISK, whole, path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "too large" in found.stdout
    assert path.read_text() == "old"
    assert list(folder.iterdir()) == [path]


KILLED = """
import os, sys
from cgmm._utils.files import atomic
with atomic(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os._exit(0)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    subprocess.run([sys.executable, "-c", KILLED, path], check=True)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half"
    with atomic(path) as still_writing:
        with atomic(path) as temporary:
            temporary.write_text("whole")
        assert path.read_text() == "whole"
        assert not left.exists()
        assert still_writing.exists()  # its writer runs
    assert list(tmp_path.iterdir()) == [path]
