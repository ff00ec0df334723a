"""The gallery: its settings are valid, its cells have the changes that its page promises."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pandas as pd
import yaml

from workflow.config import load

DOCS = Path(__file__).resolve().parents[2] / "docs"
GALLERY = DOCS / "gallery"


def test_settings_of_the_cytometry_report_are_valid(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "config").mkdir()
    for path in (GALLERY / "cytometry").iterdir():
        (tmp_path / "config" / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    text = (tmp_path / "config" / "config.yaml").read_text(encoding="utf-8")
    settings, rows = load(yaml.safe_load(text), files_are_here=False)
    assert settings["modality"] == "cytometry"
    assert {row["condition"] for row in rows} == {"mock", "infected"}


def test_its_cells_have_the_samples_of_its_sheet_and_the_changes_of_its_page() -> None:
    adata = runpy.run_path(str(GALLERY / "cytometry.py"))["simulate"]()
    sheet = pd.read_csv(GALLERY / "cytometry" / "samples.tsv", sep="\t")
    assert set(sheet["obs_value"]) == set(adata.obs["sample"])
    shares = pd.crosstab(adata.obs["condition"], adata.obs["cell_type"], normalize="index")
    assert shares.loc["infected", "Macrophages"] > 4 * shares.loc["mock", "Macrophages"]
    assert shares.loc["infected", "Microglia"] < 0.6 * shares.loc["mock", "Microglia"]
    of_microglia = adata[adata.obs["cell_type"] == "Microglia"]
    ly6c = of_microglia.to_df()["Ly6C"].groupby(of_microglia.obs["condition"]).mean()
    assert ly6c["infected"] - ly6c["mock"] > 0.6


def test_the_page_links_every_report_that_the_build_makes() -> None:
    linked = set(
        re.findall(r'href="gallery/(\w+)\.html"', (DOCS / "gallery.md").read_text("utf-8"))
    )
    made = (DOCS / "_extensions" / "gallery.py").read_text(encoding="utf-8")
    assert linked == {"kang_ifnb", "simulated", "infection"}
    assert all(f'"{name}"' in made for name in linked)
