"""Every example of docs/files.md is read as the page says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
import yaml

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import Sample, check_samples, join_samples
from cgmm.pp._formats import READERS
from tests.pp.made import GENES, small
from tests.pp.test_formats import write_10x_folder
from workflow.sheet import read_sheet
from workflow.validation import Validator, read_schema

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
IDS = [f"ENSG{i:011d}" for i in range(60)]


def mitochondrial(seed: int) -> ad.AnnData:
    return small(genes=["MT-CO1", *GENES[1:]], seed=seed)


def cell_ranger() -> None:
    for seed, name in enumerate(("D1_ctrl", "D1_stim")):
        Path(name).mkdir()
        write_10x_folder(Path(name) / "filtered_feature_bc_matrix", mitochondrial(seed))


def with_raw(adata: ad.AnnData) -> ad.AnnData:
    adata.raw = adata.copy()
    adata.X = adata.X.log1p()
    return adata


def cellxgene() -> None:
    adata = small(genes=IDS)
    adata.var["feature_name"] = GENES
    adata.obs["donor_id"] = np.repeat(["D1", "D2"], 20)
    write_h5ad(with_raw(adata), "census.h5ad")


def seurat() -> None:
    for seed, name in enumerate(("seurat", "seurat_stim")):
        write_h5ad(with_raw(small(seed=seed)), f"{name}.h5ad")


def single_cell_experiment() -> None:
    for seed, name in enumerate(("sce_ctrl", "sce_stim")):
        adata = small(seed=seed)[:, seed * 5 :].copy()
        adata.layers["counts"] = adata.X
        adata.layers["logcounts"] = adata.X.log1p()
        adata.X = adata.layers["logcounts"]
        write_h5ad(adata, f"{name}.h5ad")


def fcs() -> None:
    flowio = pytest.importorskip("flowio")
    names = ["Time", "FSC-A", "CD3", "CD19", "Zombie NIR"]
    for seed, name in enumerate(("D1_ctrl", "D1_stim")):
        values = np.random.default_rng(seed).lognormal(6, 1, (60, 5))
        with Path(f"{name}.fcs").open("wb") as file:
            flowio.create_fcs(file, values.ravel().tolist(), names)


def spatial() -> None:
    for seed, name in enumerate(("slide1", "slide2")):
        adata = small(seed=seed)  # the barcodes of both slides are the same
        adata.X = sp.csr_matrix(adata.X)
        write_h5ad(adata, f"{name}.h5ad")


SOURCES: dict[str, tuple[Callable[[], None], int]] = {
    "Cell Ranger": (cell_ranger, 60),
    "CELLxGENE": (cellxgene, 60),
    "Seurat": (seurat, 60),
    "SingleCellExperiment": (single_cell_experiment, 60),
    "FlowJo and FCS": (fcs, 2),
    "Spatial bins": (spatial, 60),
}


def block(section: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_is_read_as_the_page_says(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, n_features = SOURCES[source]
    make()
    section = PAGE.split(f"\n## {source}\n")[1].split("\n## ")[0]
    Path("samples.tsv").write_text(block(section, "text"), encoding="utf-8")
    config = yaml.safe_load(block(section, "yaml"))
    assert not list(Validator(read_schema("config")).iter_errors(config))
    rows = [
        {k: v for k, v in row.items() if k != "dataset"} for row in read_sheet(Path("samples.tsv"))
    ]
    samples = [Sample(**row) for row in rows]
    limit = config.pop("qc", {}).get("max_pct_mt")
    check_samples(samples, max_pct_mt=limit, **config)
    joined = join_samples(samples, **config)
    assert joined.n_vars == n_features
    assert set(joined.obs["sample"]) == {row["sample"] for row in rows}
    if source == "CELLxGENE":
        assert list(joined.var_names) == GENES


def test_the_page_lists_every_format_and_no_other() -> None:
    table = PAGE.split("\n## Formats\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == ["h5ad", *READERS]


def test_the_page_has_an_example_for_each_source() -> None:
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert titles == ["Formats", "A sheet from what the files say", "What the check says", *SOURCES]
