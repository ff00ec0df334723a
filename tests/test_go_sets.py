"""Terms of the Gene Ontology become gene sets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cgmm.__main__ import main
from cgmm.genes.gene_sets import read_gene_sets


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as made:
        for statement in statements:
            made.execute(statement)
        made.commit()
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    genes = ", ".join(f"({i}, 'GENE{i}')" for i in range(6))
    terms = ", ".join(f"({i}, 'GO:1', 'IEA')" for i in range(4))
    organism = database(
        tmp_path / "org.sqlite",
        "CREATE TABLE gene_info (_id INTEGER, symbol TEXT)",
        f"INSERT INTO gene_info VALUES {genes}",
        "CREATE TABLE go_bp_all (_id INTEGER, go_id TEXT, evidence TEXT)",
        f"INSERT INTO go_bp_all VALUES {terms}, (0, 'GO:1', 'IDA'), (5, 'GO:2', 'IEA')",
    )
    ontology = database(
        tmp_path / "GO.sqlite",
        "CREATE TABLE go_term (go_id TEXT, term TEXT)",
        "INSERT INTO go_term VALUES ('GO:1', 'response to virus'), ('GO:2', 'small')",
    )
    return [str(organism), str(ontology)]


def test_a_set_has_each_gene_of_its_term_once(files: list[str], tmp_path: Path, capsys) -> None:
    assert main(["go-sets", *files, "--min", "2"]) == 0
    made = capsys.readouterr().out
    assert made == "response to virus\tGO:1\tGENE0\tGENE1\tGENE2\tGENE3\n"
    (tmp_path / "go.gmt").write_text(made, encoding="utf-8")
    assert read_gene_sets(tmp_path / "go.gmt").names == ("response to virus",)


def test_files_in_the_wrong_order_and_absent_files_end_in_a_sentence(files, capsys) -> None:
    assert main(["go-sets", *reversed(files)]) == 1
    assert "Give org.*.eg.sqlite first, then GO.sqlite" in capsys.readouterr().err
    assert main(["go-sets", "no.sqlite", files[1]]) == 1
    assert "there is no such file" in capsys.readouterr().err
