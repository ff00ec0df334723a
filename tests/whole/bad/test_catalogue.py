"""Every mistake of the catalogue is told in its sentence, at once, and nothing is left behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest

import cgmm.automatic.starts
import cgmm.coupled.fit
import cgmm.tl._donors
from tests.whole.bad import arrays, commands, files, objects, pages, settings, steps
from tests.whole.bad.cases import Case
from tests.whole.bad.document import AREAS, PAGE, filled
from tests.workflow.conftest import ROOT, SETTINGS, Project

ROWS = [
    {
        "sample": f"{side}{donor}",
        "path": "cells.h5ad",
        "condition": condition,
        "donor": f"D{donor}",
        "obs_column": "sample",
        "obs_value": f"{condition}_D{donor:02d}",
    }
    for side, condition in (("b", "before drug"), ("a", "after/drug"))
    for donor in (1, 2, 3)
]


def cases(*tables: list[Case]) -> Any:
    return pytest.mark.parametrize("case", [c for t in tables for c in t], ids=lambda c: c.mistake)


def told(case: Case, given: Any) -> None:
    """Make the mistake; its exception must be ours and say the words."""
    with pytest.raises(case.kind, match=re.escape(case.says)) as caught:
        case.make(given)
    assert type(caught.value) is case.kind, type(caught.value)
    place = Path(caught.traceback[-1].path)
    ours = "cgmm" in place.parts or "workflow" in place.parts
    pythons = "argument" in case.says  # an argument that no function has: Python's own sentence
    assert ours or pythons, f"raised by {place}"


def content(adata: ad.AnnData) -> dict[str, list[str]]:
    return {
        slot: sorted(map(str, getattr(adata, slot)))
        for slot in ("obs", "obsm", "uns", "layers", "varm")
    }


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever takes time fails the test: mistakes are to be found before."""

    def work(*_: object, **__: object) -> None:
        pytest.fail("the work began before the mistake was found")

    monkeypatch.setattr(cgmm.automatic.starts, "LeidenClusters", work)
    monkeypatch.setattr(cgmm.tl._donors, "uncertainty", work)
    monkeypatch.setattr(cgmm.coupled.fit.CoupledEM, "climb", work)


@cases(arrays.FIT, arrays.COST, arrays.MIXTURE, arrays.SIMULATE)
@pytest.mark.usefixtures("no_work")
def test_arrays(case: Case) -> None:
    told(case, arrays.given())


@cases(objects.FIT, objects.AFTER)
@pytest.mark.usefixtures("no_work")
def test_objects(case: Case, fitted: ad.AnnData) -> None:
    before = content(fitted)
    told(case, fitted)
    by_the_case = {"who", "pca", "sex", "gender", "age", "site"}
    written = {
        slot: set(content(fitted)[slot]) - set(before[slot]) - by_the_case for slot in before
    }
    assert not any(written.values()), written
    plt.close("all")


@cases(steps.STEPS)
def test_steps(case: Case) -> None:
    told(case, steps.given())


@cases(files.FILES)
def test_files(case: Case, tmp_path: Path) -> None:
    told(case, tmp_path)
    assert all(p.suffix in (".h5ad", ".h5mu", ".fcs", ".zarr", ".loom") for p in tmp_path.iterdir())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cells.h5ad").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    copied = {**SETTINGS, "comparisons": [dict(SETTINGS["comparisons"][0])]}
    return Project(tmp_path, ROOT, settings=copied, rows=[dict(row) for row in ROWS])


def test_the_project_without_mistakes_loads(project: Project) -> None:
    assert len(settings.config()(project)[1]) == len(ROWS)  # type: ignore[index]


@cases(settings.CONFIG, settings.SHEET)
def test_settings(case: Case, project: Project) -> None:
    told(case, project)
    made = {p.name for p in project.folder.iterdir()}
    assert made <= {"cells.h5ad", "samples.tsv", "lab.yaml"}


@cases(commands.COMMANDS)
def test_commands(case: Case, tmp_path: Path) -> None:
    told(case, tmp_path)


@cases(pages.PAGES)
def test_pages(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told(case, tmp_path)
    again = tmp_path / "again"
    left = [p.name for p in again.iterdir()] if again.exists() else []
    assert left == (["config.yaml"] if case.kind is FileExistsError else [])


def test_the_catalogue_is_large_and_names_each_mistake_once() -> None:
    tables = [table for _, *parts in AREAS for table in parts]
    assert sum(map(len, tables)) >= 250
    for table in tables:
        assert len({case.mistake for case in table}) == len(table)


def test_the_page_shows_the_catalogue() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "run: python -m tests.whole.bad.document"


def test_good_calls_stay_good(fitted: ad.AnnData) -> None:
    """What looks like a mistake and is none: numbers of numpy, whole floats, unused categories."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    made = cgmm.fit_coupled(
        x.tolist(),
        y.astype(np.float32),
        n_components=np.int64(2),
        rho=np.float32(1.0),
        max_steps=50.0,  # type: ignore[arg-type]
        tol=1e-2,
        weights_source=np.ones(40, dtype=int),
    )
    assert made.coupling.shape == (2, 2)
    fitted.obs["condition"] = fitted.obs["condition"].cat.add_categories(["never seen"])
    assert len(cgmm.get.factors(fitted, by="condition"))
