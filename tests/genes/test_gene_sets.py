"""Gene sets are read, checked and found among the genes of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cgmm.genes.gene_sets import members_of, read_gene_sets
from cgmm.pp import InputError


@pytest.fixture
def gmt(tmp_path: Path) -> Path:
    path = tmp_path / "sets.gmt"
    path.write_text("# made here\nA\tlink\tG1\tG2\tG1\n\nB \t\tG3\tG4\t\n", encoding="utf-8")
    return path


def test_a_file_and_a_mapping_give_the_same(gmt: Path) -> None:
    read = read_gene_sets(gmt)
    assert read.names == ("A", "B")
    assert read.genes == (("G1", "G2"), ("G3", "G4"))
    assert read == read_gene_sets({"A": ["G1", "G2", "G1"], "B": ("G3", "G4")})


def test_genes_are_found_in_other_spellings_and_under_other_names(gmt: Path) -> None:
    read = read_gene_sets(gmt)
    found = members_of(read, ["g2", "X", "E4"], other_names={"symbol": ["", "", "G4"]})
    np.testing.assert_array_equal(found.toarray(), [[True, False, False], [False, False, True]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no gene set in it"),
        ("A\tlink\n", "line 1: a gene set needs a name, a link or description, and genes"),
        ("\tlink\tG1\n", "line 1: the name of the set is empty"),
        ("A\tl\tG1\nA\tl\tG2\n", "the set 'A' occurs twice"),
        ("A\tl\t\t\n", "there is no gene set in it"),
        (f"{'A' * 400}\tl\tG1\n", "longer than 300 characters"),
    ],
)
def test_a_file_that_is_none_ends_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_gene_sets(path)


def test_other_things_than_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"):
        read_gene_sets(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_gene_sets(tmp_path / "none.gmt")
    (tmp_path / "binary.gmt").write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(InputError, match="UTF-8"):
        read_gene_sets(tmp_path / "binary.gmt")
    with pytest.raises(InputError, match="are one text"):
        read_gene_sets({"A": "G1"})
    with pytest.raises(TypeError, match="must be the path"):
        read_gene_sets(["G1"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="take sets with the gene names of the data"):
        members_of(read_gene_sets({"A": ["G1"]}), ["ENSG1"])
