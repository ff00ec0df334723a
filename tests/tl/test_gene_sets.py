"""Gene sets of an AnnData object: what changes is found in the population where it does."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pytest

import cgmm as cg
from tests.tl.test_gene_tests import no_counts, no_donors

SETS = {
    "response": [f"RESP{i:02d}" for i in range(1, 21)],
    "others": [f"GENE{i:03d}" for i in range(1, 31)],
    "elsewhere": ["ABC1", "ABC2"],
}


def test_the_set_is_found_where_its_genes_change(somewhere: ad.AnnData, tmp_path: Path) -> None:
    cg.tl.gene_sets(somewhere, SETS)
    found = cg.get.gene_sets(somewhere).set_index(["name", "set"])
    assert found.loc[("Alpha", "response"), "q"] < 0.05
    assert found.loc[("Alpha", "response"), "log2_change"] > 1
    assert found.loc[("Alpha", "response"), "leading_genes"].startswith("RESP")
    assert found.loc[("Zeta", "response"), "q"] > 0.05
    assert "elsewhere" not in found.index.get_level_values("set")
    assert next(iter(found.loc["Alpha"].index)) == "response"

    path = tmp_path / "sets.gmt"
    path.write_text("".join("\t".join([n, "", *g]) + "\n" for n, g in SETS.items()))
    made = cg.tl.gene_sets(somewhere, path, copy=True)
    assert cg.get.gene_sets(made).equals(cg.get.gene_sets(somewhere))
    made.write_h5ad(tmp_path / "made.h5ad")
    read = cg.get.gene_sets(ad.read_h5ad(tmp_path / "made.h5ad"))
    assert read["leading_genes"].equals(cg.get.gene_sets(somewhere)["leading_genes"])


@pytest.mark.parametrize("change", [no_donors, no_counts])
def test_without_a_test_there_are_no_rows(somewhere: ad.AnnData, change) -> None:
    change(somewhere)
    cg.tl.gene_sets(somewhere, SETS)
    assert cg.get.gene_sets(somewhere).empty


def test_sets_that_were_not_tested_are_asked_for_by_a_sentence(somewhere: ad.AnnData) -> None:
    with pytest.raises(KeyError, match="run cgmm"):
        cg.get.gene_sets(somewhere)


def test_the_design_of_the_donors_is_that_of_the_sets(somewhere: ad.AnnData) -> None:
    cg.tl.gene_sets(somewhere, SETS)
    plain = cg.get.gene_sets(somewhere)
    donors = somewhere.obs["donor"].cat.categories
    age = {d: 20.0 + 7 * i**2 for i, d in enumerate(donors)}
    somewhere.obs["age"] = somewhere.obs["donor"].map(age).astype(float)
    cg.tl.gene_sets(somewhere, SETS, design="~ condition + age")
    designed = cg.get.gene_sets(somewhere)
    assert designed["log2_change"].notna().all()
    assert len(designed) == len(plain)
