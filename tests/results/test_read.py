"""A folder of results is read as text, typed by the declarations, and checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm.report.claims.claims import make_claims
from cgmm.report.sections.downloads import downloads
from cgmm.results.read import read_results
from cgmm.tables import DECISIONS, TABLES
from tests.report.folders import NAMES, make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "drug", n_cells=200, k=5)


def rewrite(path: Path, **columns: object) -> None:
    """Set columns of a table; None removes one."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for name, values in columns.items():
        if values is None:
            table = table.drop(columns=name)
        else:
            table[name] = values
    table.to_csv(path, sep="\t", index=False)


def test_every_table_has_every_column_with_its_type(folder: Path) -> None:
    tables = read_results(folder).tables
    assert set(tables) == {*TABLES, DECISIONS.name}
    for name, table in TABLES.items():
        frame = tables[name]
        assert set(table.names) <= set(frame.columns)
        for column in table.of_kind("whole", "number"):
            assert frame[column].dtype == np.float64, (name, column)
        for column in table.of_kind("text", "flag"):
            assert all(isinstance(value, str) for value in frame[column]), (name, column)


def test_columns_of_genes_are_numbers_and_the_agreement_of_genes_is_read(folder: Path) -> None:
    rewrite(folder / "genes.tsv", loading_change="0.5", ambient_share="", agreement="all")
    pd.DataFrame(
        {"component": [0, 1], "name": NAMES[:2], "n_genes": [7, 8], "de_reason": ["none", ""]}
    ).to_csv(folder / "gene_agreement.tsv", sep="\t", index=False)
    results = read_results(folder)
    genes, agreement = results.tables["genes"], results.tables["gene_agreement"]
    assert (genes["loading_change"] == 0.5).all()
    assert genes["ambient_share"].isna().all()
    assert (genes["agreement"] == "all").all()
    assert list(agreement["n_genes"]) == [7, 8]
    assert list(agreement["de_reason"]) == ["none", ""]
    assert agreement["agree_top"].isna().all()
    offered = {download.name: download for download in downloads(make_claims(results))}
    assert offered["drug_gene_agreement.tsv"].what == TABLES["gene_agreement"].meaning


def test_names_that_look_like_numbers_or_missing_values_stay_text(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "x", n_cells=200, k=9, nasty=True)
    assert read_results(folder).has("NA")


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.optional])
def test_optional_tables_may_be_absent_or_empty(folder: Path, name: str) -> None:
    path = folder / TABLES[name].file
    path.unlink(missing_ok=True)
    assert read_results(folder).tables[name].empty
    path.write_bytes(b"")
    assert read_results(folder).tables[name].empty


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if not table.optional])
def test_a_table_without_which_there_is_no_report_is_missed(folder: Path, name: str) -> None:
    (folder / TABLES[name].file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"no {name}\.tsv: run the fit"):
        read_results(folder)


def test_a_missing_column_is_named(folder: Path) -> None:
    rewrite(folder / "factors.tsv", share_source=None)
    with pytest.raises(ValueError, match=r"factors\.tsv lacks the column 'share_source'"):
        read_results(folder)


@pytest.mark.parametrize("name", ["genes", "sensitivity", "donor_shifts"])
def test_tables_of_different_fits_are_refused(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path / "drug", n_cells=200, k=5, intervals=True)
    rewrite(folder / f"{name}.tsv", name="unheard of")
    with pytest.raises(ValueError, match=rf"{name}\.tsv, column name: 'unheard of' is not"):
        read_results(folder)


@pytest.mark.parametrize(
    ("text", "words"), [("{", "is not valid JSON"), ("[1]", "must hold one JSON object")]
)
def test_facts_that_are_no_object_are_refused(folder: Path, text: str, words: str) -> None:
    (folder / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_results(folder)


def test_a_folder_without_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no report\.json"):
        read_results(tmp_path)


def test_donors_of_both_conditions_are_counted_and_compared(tmp_path: Path) -> None:
    paired = read_results(make_folder(tmp_path / "a", n_cells=200, k=3, donors=4, paired=True))
    assert paired.donors_per_side() == (4, 4)
    assert paired.shared_donors() == ["donor1", "donor2", "donor3", "donor4"]
    apart = read_results(make_folder(tmp_path / "b", n_cells=200, k=3, donors=4))
    assert apart.shared_donors() == []
    none = read_results(make_folder(tmp_path / "c", n_cells=200, k=3, donors=0))
    assert none.donors_per_side() == (0, 0)
    assert not none.has_donors
