"""Every script of the workflow runs alone, with an object in the place of Snakemake's."""

from __future__ import annotations

import ast
import importlib
import json
import os
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest

from cgmm.results.read import read_results
from cgmm.results.recipe import read_recipe
from cgmm.tables import CELLS, GENE_DONORS, GENE_SETS, TABLES
from tests.workflow.conftest import ROOT, rows_of
from tests.workflow.job import SCRIPTS, run_script

pytestmark = pytest.mark.timeout(900)

ENDS = {"source": "before drug", "target": "after/drug"}
SETTINGS: dict[str, Any] = {
    "modality": "rna",
    "fit": {
        "n_components": 3,
        "rho": None,
        "epsilon": None,
        "transport_weight": None,
        "random_state": 1,
    },
    "donors": {"n_bootstrap": 3, "n_permutations": 3, "baseline": "median"},
    "test_genes": False,
}
# packages that a job must not load: they take longer than most jobs
MODEL = {"jax", "igraph"}
HEAVY = MODEL | {"scanpy", "sklearn", "matplotlib", "umap", "numba"}
NOT_LOADED = {
    "check": HEAVY,
    "check_annotation": HEAVY,
    "check_design": HEAVY,
    "check_markers": HEAVY | {"anndata", "scipy"},
    "prepare": HEAVY,
    "embed": MODEL - {"igraph"} | {"umap"},
    "map": MODEL - {"igraph"},
    "fit": {"scanpy", "umap"},
    "summarise": {"scanpy", "matplotlib", "umap", "numba"},
    "report": HEAVY - {"matplotlib"} | {"anndata", "scipy"},
    "index": HEAVY | {"anndata", "scipy"},
}
COMMON = {"use_rep": None, "modality": "rna"}


def run(rule: str, folder: Path, **given: Any) -> str:
    """Run a script that must succeed; return what it printed on the console."""
    done = run_script(rule, folder, **given)
    log = (folder / f"{rule}.log").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr + log
    return done.stderr


def check_for_cellxgene(adata: ad.AnnData) -> None:
    """What cellxgene 1.3 asks of a file: names, numbers, maps, and colours of every category."""
    assert adata.obs_names.is_unique
    assert adata.var_names.is_unique
    assert adata.X.dtype == np.float32
    assert np.isfinite(adata.X.data).all()
    for name in ("X_umap", "X_pca"):
        place = adata.obsm[name]
        assert place.dtype.kind == "f"
        assert not np.isinf(place).any()
        assert not np.isnan(place).all()
    for key in [name for name in adata.uns if name.endswith("_colors")]:
        column = adata.obs[key.removesuffix("_colors")]
        assert len(adata.uns[key]) == len(column.cat.categories)
    for table in (adata.obs, adata.var):
        assert table.columns.is_unique
        kinds = {getattr(column.dtype, "kind", "O") for _, column in table.items()}
        assert kinds <= set("fiubO")


def test_scripts_run_one_after_another(tiny_file: Path, tmp_path: Path) -> None:
    rows = [{**row, "batch": ""} for row in rows_of(tiny_file)]
    files, data, drug = [str(tiny_file)], "data", "drug"
    layout = {"counts_layer": None, "gene_column": None, **COMMON}
    layout |= {"features": {}, "missing_genes": "leave_out"}
    layout |= {"reading": {"h5mu_modality": None, "cofactor": None}}
    said = run(
        "check",
        tmp_path,
        input=files,
        output=[f"{data}/check.json"],
        wildcards={"dataset": "data"},
        params={"samples": rows, "max_pct_mt": None, **layout},
    )
    assert said == "[check data] 6 samples, 600 cells, 140 genes\n"
    run(
        "check_annotation",
        tmp_path,
        input=files,
        output=[f"{drug}/annotation.json"],
        params={"annotation_key": "cell_type", "reading": layout["reading"]},
    )
    run(
        "check_design",
        tmp_path,
        input=files,
        output=[f"{drug}/design.json"],
        params={"samples": rows, "rows": rows, "ends": ENDS, "design": "~ condition"}
        | {"technical_replicates": False, "columns": ["donor"], "reading": layout["reading"]},
    )
    table = "cell_type\tgene\n" + "".join(f"Alpha\tALPHA{i:02}\n" for i in range(1, 6))
    (tmp_path / "markers.tsv").write_text(table + "Beta\tNOGENE\n")
    run("check_markers", tmp_path, input=["markers.tsv"], output=[f"{drug}/markers.json"])
    genes = "\t".join(f"RESP{i:02}" for i in range(1, 11))
    (tmp_path / "sets.gmt").write_text(f"programme\tlink\t{genes}\n")
    run("check_gene_sets", tmp_path, input=["sets.gmt"], output=[f"{drug}/gene_sets.json"])
    made = json.loads((tmp_path / drug / "gene_sets.json").read_text(encoding="utf-8"))
    assert made == {"n_sets": 1}
    said = run(
        "prepare",
        tmp_path,
        input={"files": files, "check": f"{data}/check.json"},
        output={"prepared": f"{data}/prepared.h5ad", "qc": f"{data}/qc.json"},
        params={
            "samples": rows,
            **layout,
            "qc": {"min_genes": 10, "min_cells": 3, "max_pct_mt": None},
            "scale": "auto",
        },
    )
    assert said == "[prepare] kept 600 of 600 cells, 140 genes\n"
    run(
        "embed",
        tmp_path,
        input=[f"{data}/prepared.h5ad"],
        output={"embedding": f"{data}/embedding.h5ad", "facts": f"{data}/embedding.json"},
        params={
            **COMMON,
            "n_top_genes": 2000,
            "n_pcs": 6,
            "n_dims": 4,
            "integrate": "none",
            "random_state": 1,
        },
    )
    fit = {"arrays": f"{drug}/fit.npz", "values": f"{drug}/fit.json"}
    space = {"embedding": f"{data}/embedding.h5ad", "facts": f"{data}/embedding.json"}
    alone: dict[str, list[str]] = {"shared": []}  # one target: no populations of several
    map_file = f"{data}/map.h5ad"
    said = run("map", tmp_path, input=space, output=[map_file], params={"random_state": 1})
    assert said == "[map] 600 of 600 cells\n"
    said = run(
        "fit",
        tmp_path,
        input=space | alone,
        output=fit,
        params={"ends": ENDS, "fit": SETTINGS["fit"]},
    )
    *steps, last = said.splitlines()
    assert [line.split(":")[0] for line in steps] == [f"[fit] step {i} of 4" for i in range(1, 5)]
    assert last.startswith("[fit] 3 and 3 subpopulations:")
    tables = [f"{drug}/{table.file}" for table in TABLES.values()]
    run(
        "summarise",
        tmp_path,
        input={
            **fit,
            **space,
            **alone,
            "map": map_file,
            "prepared": f"{data}/prepared.h5ad",
            "check": f"{data}/check.json",
            "qc": f"{data}/qc.json",
            "markers": ["markers.tsv"],
            "gene_sets": ["sets.gmt"],
        },
        output={
            "tables": tables,
            "cells": f"{drug}/{CELLS.file}",
            "gene_donors": f"{drug}/{GENE_DONORS.file}",
            "gene_sets": f"{drug}/{GENE_SETS.file}",
            "annotated": f"{drug}/annotated.h5ad",
            "decisions": f"{drug}/decisions.tsv",
            "facts": f"{drug}/report.json",
        },
        wildcards={"comparison": "drug"},
        params={
            "ends": ENDS,
            "settings": SETTINGS,
            "samples": rows,
            "annotation_key": "cell_type",
            "entry": None,
        },
    )
    assert all((tmp_path / name).is_file() for name in tables)
    results = read_results(tmp_path / drug)
    assert list(results.cells) == [name for name in CELLS.names if name != "doublet_score"]
    assert results.has_donors
    assert results.meta["gene_sets"]["n_sets"] == 1
    assert list(results.gene_sets.columns) == list(GENE_SETS.names)
    adata = ad.read_h5ad(tmp_path / drug / "annotated.h5ad")
    assert adata.uns["cgmm"]["coupling"].shape == (3, 3)
    check_for_cellxgene(adata)
    labels = list(adata.obs["cell_type"].cat.categories)
    colours = {p.name: p.colour for p in results.populations}
    assert list(adata.uns["cell_type_colors"]) == [colours[label] for label in labels]
    decisions = results.tables["decisions"].set_index("decision")
    assert decisions.loc["populations", "chosen_by"] == "config"
    assert decisions.loc["rho", "reason"] == results.meta["reasons"]["rho"]

    facts = f"{drug}/report.json"
    pages = {
        "page": "drug.html",
        "findings": f"{drug}/findings.json",
        "multiqc": f"{drug}/cgmm_drug_mqc.json",
    }
    run("report", tmp_path, input=[facts], output=pages, params={"title": "A drug"})
    recipe = read_recipe(tmp_path / "drug.html")
    assert recipe["config"]["comparisons"][0]["title"] == "A drug"
    findings = json.loads((tmp_path / pages["findings"]).read_text(encoding="utf-8"))
    assert findings["comparison"]["title"] == "A drug"
    assert recipe["config"]["fit"] == SETTINGS["fit"]
    assert recipe["markers"][-1] == ["Beta", "NOGENE", "+"]
    notices = " ".join(notice["text"] for notice in results.meta["notices"])
    assert "no gene that marks Beta" in notices
    pages = {"facts": [facts], "reports": ["drug.html"], "of_targets": [], "reports_of_targets": []}
    run("index", tmp_path, input=pages, output=["index.html"], params={"titles": ["A drug"]})
    assert "A drug" in (tmp_path / "index.html").read_text(encoding="utf-8")

    loaded = {rule: set((tmp_path / f"{rule}.loaded").read_text().split()) for rule in NOT_LOADED}
    assert all("numpy" in packages for packages in loaded.values())
    too_much = {rule: found & NOT_LOADED[rule] for rule, found in loaded.items()}
    assert not any(too_much.values()), too_much


def test_a_failure_is_one_sentence_on_the_console_and_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    damaged = tmp_path / "results" / "report.json"
    damaged.write_text("{", encoding="utf-8")
    pages = {"page": "x.html", "findings": "x.json", "multiqc": "x_mqc.json"}
    done = run_script(
        "report", tmp_path, input=[str(damaged)], output=pages, params={"title": None}
    )
    assert done.returncode == 1
    assert done.stderr.startswith("[report] failed: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    log = (tmp_path / "report.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ERROR: report: " in log
    assert not (tmp_path / "x.html").exists()


def test_the_simulated_demo_says_where_it_comes_from(tmp_path: Path) -> None:
    run("demo_simulated", tmp_path, output=["simulated.h5ad"])
    adata = ad.read_h5ad(tmp_path / "simulated.h5ad", backed="r")
    assert adata.uns["data_source"]["licence"] == "CC0"
    assert adata.obs["donor"].nunique() == 10
    adata.file.close()


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_says_what_it_makes_in_at_most_three_lines(path: Path) -> None:
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert len(words.splitlines()) <= 3


def test_compiled_code_is_kept_in_the_results_unless_the_user_has_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    compiled = importlib.import_module("_compiled")
    for name in ("JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    compiled.keep_compiled_code(Path("results") / ".compiled")
    kept = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    assert kept.parent == tmp_path / "results" / ".compiled"
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == kept
    compiled.keep_compiled_code(Path("elsewhere"))
    assert Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) == kept


def test_every_script_is_named_by_a_rule() -> None:
    rules = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").glob("*.smk")
    )
    for path in SCRIPTS.glob("[!_]*.py"):
        assert f"../scripts/{path.name}" in rules
