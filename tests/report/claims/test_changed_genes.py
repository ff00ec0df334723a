"""The opening says which genes changed by the tests over donors."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cgmm.report.claims.changed_genes import changed_genes, genes_answer
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import Results, read_results
from tests.report.folders import make_folder
from tests.report.numbers import tsv


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No population changes, and every gene has a test."""
    return make_folder(tmp_path_factory.mktemp("genes") / "a", k=4, flat=True, donors=4)


def with_hits(folder: Path, hits: dict[str, list[str]], n: dict[str, int]) -> Results:
    """Give the listed genes of each population a small q, and state the numbers found."""
    genes = tsv(folder, "genes").assign(de_p=0.5, de_q=0.5)
    for name, symbols in hits.items():
        rows = (genes["name"] == name) & genes["gene"].isin(symbols)
        genes.loc[rows, ["de_p", "de_q"]] = 1e-4, 0.01
    genes.to_csv(folder / "genes.tsv", sep="\t", index=False)
    names = list(dict.fromkeys(genes["name"]))
    counts = pd.DataFrame(
        {
            "component": range(len(names)),
            "name": names,
            "n_tested": 500,
            "n_significant": [n.get(name, 0) for name in names],
            "de_reason": "",
        }
    )
    counts.to_csv(folder / "gene_agreement.tsv", sep="\t", index=False)
    return read_results(folder)


def answers(results: Results) -> dict[str, str]:
    return dict(make_verdict(results).answers)


def test_one_gene_where_no_population_changed(quiet: Path) -> None:
    genes = tsv(quiet, "genes")
    row = genes.loc[genes["log2_change"].abs().idxmax()]
    results = with_hits(quiet, {row["name"]: [row["gene"]]}, {row["name"]: 1})
    arrow = "↑" if row["log2_change"] > 0 else "↓"
    verdict = make_verdict(results)
    assert verdict.headline == [
        "No population clearly changed in number or state between ctrl and stim; one gene did: "
        f"{row['gene']}\u00a0{arrow} in {row['name']}."
    ]
    n = genes["name"].nunique()
    assert answers(results)["Changed genes"] == (
        f"One gene has q under 0.05 over donors ({n} populations tested). "
        f"{row['name']}: 1 ({row['gene']}\u00a0{arrow})."
    )


def test_many_genes_are_counted_where_the_table_holds_a_few(quiet: Path) -> None:
    genes = tsv(quiet, "genes")
    first, second = list(dict.fromkeys(genes["name"]))[:2]
    symbols = {n: list(genes.loc[genes["name"] == n, "gene"][:4]) for n in (first, second)}
    results = with_hits(quiet, symbols, {first: 40, second: 1200})
    said = answers(results)["Changed genes"]
    assert said.startswith(
        "1\u202f240 gene changes, counted in each population, have q under 0.05 over donors ("
    )
    assert said.index(f"{second}: 1\u202f200 (") < said.index(f"{first}: 40 (")
    assert said.count(" first)") == 2


def test_no_gene_is_said_too(quiet: Path) -> None:
    results = with_hits(quiet, {}, {})
    assert answers(results)["Changed genes"].startswith("No gene has q under 0.05 over donors")
    assert make_verdict(results).headline == ["Nothing clear changed between ctrl and stim."]


def test_untested_genes_have_no_answer(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a", k=3, donors=2)
    genes = tsv(folder, "genes").assign(de_p=float("nan"), de_q=float("nan"))
    genes.to_csv(folder / "genes.tsv", sep="\t", index=False)
    results = read_results(folder)
    assert genes_answer(results, changed_genes(results)) == ""
    assert "Changed genes" not in answers(results)
