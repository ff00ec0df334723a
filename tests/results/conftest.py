"""A recipe and the page of a report that carries it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cgmm.report.page.render import json_island
from cgmm.results.recipe import code_digest, make_recipe

NAMES = ('</script><script>alert("1")</script>', "a & b <!-- ", '"quoted"', "naïve\u00a0T 😀")


def recipe_of(folder: Path, **more: Any) -> dict[str, Any]:
    """A dataset of four samples, two files that are there and one that the demo makes."""
    paths = ("a.h5ad", "b c.h5ad", "results/demo/x.h5ad", "a.h5ad")
    for name in paths[:2]:
        (folder / name).write_bytes(name.encode())
    rows = [
        {"sample": f"s{i}", "path": path, "condition": name, "donor": f"D{i}", "dataset": "data"}
        for i, (path, name) in enumerate(zip(paths, NAMES, strict=True))
    ]
    digest = {p: hashlib.sha256(p.encode()).hexdigest() for p in paths}
    entry = {"name": "drug", "source": NAMES[0], "target": NAMES[1], "title": None}
    return make_recipe(
        comparison=entry,
        settings={"n_dims": 4, "fit": {"rho": None, "random_state": 0}},
        samples=rows,
        # the check goes file by file, and so in another order
        checked=[{"sample": r["sample"], "sha256": digest[r["path"]]} for r in reversed(rows)],
        about={"command": "snakemake", "git_commit": None, "code_sha256": code_digest(Path.cwd())},
        **more,
    )


def page_of(recipe: object, folder: Path) -> Path:
    page = folder / "drug.html"
    text = f'<script type="application/json" id="recipe">{json_island(recipe)}</script>'
    body = '<!doctype html><p>x</p><script id="island">{"a":1}</script>'
    page.write_text(body + text + "<script>1</script>", encoding="utf-8")
    return page


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made = recipe_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made
