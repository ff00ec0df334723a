"""Files of every format go through the workflow, and end in what the h5ad of the cells gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm import pp
from cgmm._utils.h5ad import write_h5ad
from tests.pp.test_formats import write_10x_folder, write_10x_h5, write_loom
from tests.workflow.conftest import ROOT, Project

pytestmark = pytest.mark.timeout(1200)
MARKERS = ["CD3", "CD4", "CD8", "CD19", "CD56"]
COFACTOR = 70.0


def events(seed: int, share: float) -> np.ndarray:
    """Linear values of 150 cells of two types, in time, scatter and five markers; float32."""
    rng = np.random.default_rng(seed)
    of_type = rng.random(150) < share
    middle = np.where(of_type[:, None], [2.0, 3.0, 0.5, 0.2, 1.0], [0.3, 0.4, 2.5, 2.5, 1.5])
    values = COFACTOR * np.sinh(middle + rng.normal(0, 0.3, (150, 5)))
    time = np.arange(150.0)[:, None]
    return np.hstack([time, rng.uniform(1e4, 9e4, (150, 1)), values]).astype(np.float32)


def test_fcs_files_go_to_the_report_with_the_values_of_their_h5ad(tmp_path: Path) -> None:
    flowio = pytest.importorskip("flowio")
    rows = []
    for i in range(6):
        condition, values = ("ctrl", "stim")[i % 2], events(i, (0.5, 0.7)[i % 2])
        with (tmp_path / f"s{i}.fcs").open("wb") as file:
            flowio.create_fcs(
                file,
                values.ravel().tolist(),
                ["Time", "FSC-A", *(f"FL{k}-A" for k in range(5))],
                opt_channel_names=["", "", *MARKERS],
            )
        adata = ad.AnnData(np.arcsinh(values[:, 2:].astype(float) / COFACTOR).astype(np.float32))
        adata.obs_names = [f"event{k}" for k in range(150)]
        adata.var_names = MARKERS
        write_h5ad(adata, tmp_path / f"s{i}.h5ad")
        rows += [
            {
                "sample": f"{kind}{i}",
                "path": str(tmp_path / f"s{i}.{kind}"),
                "condition": condition,
                "donor": f"D{i}",
                "dataset": kind,
            }
            for kind in ("fcs", "h5ad")
        ]
    project = Project(tmp_path, ROOT)
    project.rows = rows
    project.settings |= {
        "modality": "cytometry",
        "reading": {"cofactor": COFACTOR},
        "comparisons": [
            {"name": f"of_{kind}", "source": "ctrl", "target": "stim", "dataset": kind}
            for kind in ("fcs", "h5ad")
        ],
        "n_pcs": 5,
        "donors": {"n_bootstrap": 5, "n_permutations": 20},
    }
    done = project.run("reports/of_fcs.html", "results/h5ad/prepared.h5ad")
    assert done.returncode == 0, done.stdout + done.stderr
    # all tables are made from the prepared cells alone
    one, two = (
        ad.read_h5ad(tmp_path / "results" / kind / "prepared.h5ad") for kind in ("fcs", "h5ad")
    )
    assert list(one.var_names) == list(two.var_names) == MARKERS
    assert np.array_equal(one.X, two.X)
    assert list(one.obs_names.str.replace("fcs", "h5ad")) == list(two.obs_names)
    for name in ("condition", "donor", "barcode"):
        assert list(one.obs[name]) == list(two.obs[name])
    table = pd.read_csv(tmp_path / "results" / "of_fcs" / "factors.tsv", sep="\t")
    assert table["n_cells"].sum() == 450
    page = (tmp_path / "reports" / "of_fcs.html").read_text(encoding="utf-8")
    assert "Values of the channels were transformed by arcsinh(x / 70)" in page
    assert "left out: Time, FSC-A" in page


def test_one_dataset_of_six_formats(project: Project) -> None:
    """Every sample lies in a file or folder of another format."""
    pytest.importorskip("zarr")
    mudata = pytest.importorskip("mudata")
    expected = pp.join_samples([pp.Sample(**row) for row in project.rows])
    pp.quality_control(expected, min_genes=10, min_cells=3)
    pp.normalise(expected)
    whole = ad.read_h5ad(project.rows[0]["path"])
    writers = {
        "h5ad": lambda path, part: write_h5ad(part, path),
        "zarr": lambda path, part: part.write_zarr(path),
        "loom": write_loom,
        "h5mu": lambda path, part: mudata.MuData({"rna": part}).write(path),
        "h5": write_10x_h5,
        "folder": write_10x_folder,
    }
    for row, (ending, write) in zip(project.rows, writers.items(), strict=True):
        part = whole[whole.obs["sample"] == row["obs_value"]].copy()
        row["path"] = str(project.folder / f"{row['sample']} of a lab.{ending}")
        row["obs_column"] = row["obs_value"] = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the writers
            write(Path(row["path"]), part)
    done = project.run("--until", "prepare")
    assert done.returncode == 0, done.stdout + done.stderr
    found = ad.read_h5ad(project.folder / "results" / "data" / "prepared.h5ad")
    assert list(found.obs_names) == list(expected.obs_names)
    assert list(found.var_names) == list(expected.var_names)
    for name in ("sample", "condition", "donor"):
        assert list(found.obs[name]) == list(expected.obs[name])
    assert (found.layers["counts"] != expected.layers["counts"]).nnz == 0
    assert (found.X != expected.X).nnz == 0
