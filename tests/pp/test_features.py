"""One name is one gene in every file, and what is no gene is not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cgmm.pp import check_samples, join_samples, prepare_lazily
from tests.pp.made import GENES, saved, small

IDS = [f"ENSG{i:011d}" for i in range(60)]


def texts(facts: dict) -> str:
    return "\n".join(n["text"] for n in facts["notices"])


def test_hashtags_and_antibodies_are_left_out_and_reported(tmp_path: Path) -> None:
    adata = small(genes=[*GENES[:50], *[f"Tag{i}" for i in range(10)]])
    adata.var["feature_types"] = ["Gene Expression"] * 50 + ["Antibody Capture"] * 10
    sample = saved(tmp_path, "a", adata)
    facts = check_samples([sample])
    assert "10 features are no genes and were left out (10 Antibody Capture: Tag0" in texts(facts)
    assert facts["genes"]["n_shared"] == 50
    joined = join_samples([sample])
    assert list(joined.var_names) == GENES[:50]
    np.testing.assert_array_equal(joined.X.toarray(), adata.X[:, :50].toarray())


@pytest.mark.parametrize(
    "name", ["Hashtag_1_TotalSeqB", "HTO-3", "adt_CD4", "CD3_TotalSeqC", "anti-human CD4"]
)
def test_names_of_antibodies_without_a_word_of_the_file_are_a_warning(
    tmp_path: Path, name: str
) -> None:
    sample = saved(tmp_path, "a", small(genes=[*GENES[:59], name]))
    notices = check_samples([sample])["notices"]
    assert [n["level"] for n in notices] == ["warning"]
    assert name in notices[0]["text"]
    assert name not in join_samples([sample], features={"leave_out": [name]}).var_names


def test_a_kind_of_the_genes_themselves_is_no_reason_to_leave_any_out(tmp_path: Path) -> None:
    adata = small()
    adata.var["feature_type"] = ["protein_coding", "lncRNA"] * 30  # as CELLxGENE calls biotypes
    assert check_samples([saved(tmp_path, "a", adata)])["genes"]["n_shared"] == 60


def test_features_are_chosen_by_name_and_pattern(tmp_path: Path) -> None:
    sample = saved(tmp_path, "a", small())
    chosen = {"use": ["GENE00*", "GENE059"], "leave_out": ["GENE005"]}
    names = join_samples([sample], features=chosen).var_names
    assert list(names) == [g for g in [*GENES[:10], "GENE059"] if g != "GENE005"]


def twins(tmp_path: Path, *, ids: bool, column: bool) -> list:
    """Two files that list two genes of one symbol in different order."""
    samples = []
    for name, order in (("a", np.arange(60)), ("b", np.arange(60)[::-1])):
        symbols = np.array(GENES, dtype=object)
        symbols[[10, 20]] = "TWICE"
        adata = small(genes=[f"{g}x" for g in GENES], seed=ord(name))
        values = adata.X.toarray()
        values[:, 10], values[:, 20] = 50, 1
        adata.X = sp.csr_matrix(values)
        adata = adata[:, order].copy()
        if column:
            adata.var_names = np.array(IDS)[order]
            adata.var["symbol"] = symbols[order]
        else:
            adata.var_names = symbols[order]
            adata.var_names_make_unique()
            if ids:
                adata.var["gene_ids"] = np.array([f"{i}.{ord(name)}" for i in IDS])[order]
        samples.append(saved(tmp_path, name, adata))
    return samples


@pytest.mark.parametrize("column", [True, False], ids=["gene_column", "numbered by a program"])
def test_genes_of_one_symbol_are_told_apart_by_identifier(tmp_path: Path, column: bool) -> None:
    samples = twins(tmp_path, ids=True, column=column)
    where = {"gene_column": "symbol"} if column else {}
    assert "the identifier was added" in texts(check_samples(samples, **where))
    joined = join_samples(samples, **where)
    assert joined.n_vars == 60
    strong = [name for name in joined.var_names if name.endswith(IDS[10])]
    assert len(strong) == 1
    assert (joined[:, strong].X.toarray() == 50).all()


def test_genes_of_one_symbol_without_identifier_are_left_out(tmp_path: Path) -> None:
    samples = []
    for name, order in (("a", np.arange(60)), ("b", np.arange(60)[::-1])):
        symbols = np.array(GENES, dtype=object)
        symbols[[10, 20]] = "TWICE"
        adata = small(seed=ord(name))
        adata.var_names = [str(i) for i in range(60)]
        adata = adata[:, order].copy()
        adata.var["symbol"] = symbols[order]
        adata.var_names = ["same"] * 60  # no identifier
        samples.append(saved(tmp_path, name, adata))
    facts = check_samples(samples, gene_column="symbol")
    assert [n["level"] for n in facts["notices"]] == ["warning"]
    assert "stand for several genes (TWICE)" in texts(facts)
    assert join_samples(samples, gene_column="symbol").n_vars == 58


def test_genes_without_a_symbol_have_their_identifier_for_a_name(tmp_path: Path) -> None:
    adata = small(genes=IDS)
    adata.var["symbol"] = [None, "", *GENES[2:]]
    sample = saved(tmp_path, "a", adata)
    assert "2 genes without a name" in texts(check_samples([sample], gene_column="symbol"))
    names = list(join_samples([sample], gene_column="symbol").var_names)
    assert names == [*IDS[:2], *GENES[2:]]


@pytest.mark.parametrize("lazily", [False, True], ids=["memory", "blocks"])
def test_missing_genes_are_zeros_when_asked(tmp_path: Path, lazily: bool) -> None:
    one, two = small(seed=1), small(seed=2)
    pair = [
        saved(tmp_path, "a", one[:, 5:].copy()),
        saved(tmp_path, "b", two[:, ::-1].copy()),
    ]
    if lazily:
        prepare_lazily(pair, tmp_path / "p.h5ad", missing_genes="zero", min_genes=1, min_cells=1)
        import anndata as ad

        joined = ad.read_h5ad(tmp_path / "p.h5ad")
        joined.X = joined.layers["counts"]
    else:
        joined = join_samples(pair, missing_genes="zero")
    assert list(joined.var_names) == [*GENES[5:], *GENES[4::-1]]
    expected = one.X.toarray()
    expected[:, :5] = 0
    np.testing.assert_array_equal(joined[:40, GENES].X.toarray(), expected)
    np.testing.assert_array_equal(joined[40:, GENES].X.toarray(), two.X.toarray())


@pytest.mark.parametrize(
    ("column", "gene", "other"),
    [
        ("feature_types", "gene", "protein"),
        ("modality", "rna", "prot"),
        ("feature_type", "GEX", "ADT"),
    ],
)
def test_kinds_in_the_words_of_other_programs_are_known(
    tmp_path: Path, column: str, gene: str, other: str
) -> None:
    adata = small()
    adata.var[column] = [gene] * 55 + [other] * 5
    sample = saved(tmp_path, "a", adata)
    assert f"5 features are no genes and were left out (5 {other}:" in texts(
        check_samples([sample])
    )
    assert join_samples([sample]).n_vars == 55


def test_a_feature_without_a_kind_is_a_gene(tmp_path: Path) -> None:
    """As after a join with a file that had genes only."""
    adata = small()
    kinds = ["Gene Expression"] * 30 + [None] * 25 + ["Antibody Capture"] * 5
    adata.var["feature_types"] = pd.Categorical(kinds)
    assert join_samples([saved(tmp_path, "a", adata)]).n_vars == 55


def test_genes_of_two_genomes_are_a_warning(tmp_path: Path) -> None:
    genes = [f"GRCh38_G{i}" for i in range(30)] + [f"mm10___G{i}" for i in range(30)]
    facts = check_samples([saved(tmp_path, "a", small(genes=genes))])
    assert "holds genes of several genomes (GRCh38_: 30, mm10___: 30)" in texts(facts)
    facts = check_samples(
        [saved(tmp_path, "b", small(genes=genes))], features={"use": ["GRCh38_*"]}
    )
    assert facts["notices"] == []
    plain = [f"HLA2_{i}" for i in range(2)] + [f"G{i}" for i in range(58)]
    assert check_samples([saved(tmp_path, "c", small(genes=plain))])["notices"] == []


def test_blanks_around_names_are_no_part_of_them(tmp_path: Path) -> None:
    pair = [
        saved(tmp_path, "a", small(seed=1)),
        saved(tmp_path, "b", small(genes=[f"{g} " for g in GENES], seed=2)),
    ]
    assert check_samples(pair)["genes"]["n_shared"] == 60
    assert list(join_samples(pair).var_names) == GENES


def test_the_row_names_can_be_named_as_their_column(tmp_path: Path) -> None:
    """They are a column in one file, and the names of the rows in the other."""
    one, two = small(seed=1, genes=IDS), small(seed=2)
    one.var["symbol"] = GENES
    two.var.index.name = "symbol"
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    assert check_samples(pair, gene_column="symbol")["genes"]["n_shared"] == 60
    assert list(join_samples(pair, gene_column="symbol").var_names) == GENES


def test_a_gene_with_a_new_symbol_is_known_by_its_identifier(tmp_path: Path) -> None:
    one, two = small(seed=1), small(seed=2, genes=[*GENES[:3], "NEW", *GENES[4:]])
    for adata in (one, two):
        adata.var["gene_ids"] = IDS
    two = two[:, ::-1].copy()
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    facts = check_samples(pair)
    assert facts["genes"]["n_shared"] == 60
    assert "(NEW is GENE003); they are called as in the first file" in texts(facts)
    joined = join_samples(pair)
    assert list(joined.var_names) == GENES
    assert (joined.X[40:] != two[:, ::-1].X).nnz == 0


def test_a_symbol_that_passed_from_one_gene_to_another_stands_for_neither(tmp_path: Path) -> None:
    """GENE003 is the name of another gene in the second file, which calls the first gene NEW."""
    one, two = small(seed=1), small(seed=2, genes=[*GENES[:3], "NEW", *GENES[4:59], "GENE003"])
    one.var["gene_ids"] = IDS
    two.var["gene_ids"] = [*IDS[:59], "ENSG99999999999"]
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    joined = join_samples(pair)
    assert set(joined.var_names) == {*GENES[:3], f"GENE003_{IDS[3]}", *GENES[4:59]}
    column = list(joined.var_names).index(f"GENE003_{IDS[3]}")
    assert (joined.X[40:, column] != two.X[:, 3]).nnz == 0


@pytest.mark.parametrize("column", [None, "gene_ids"])
def test_symbols_here_and_identifiers_there_meet_by_identifier(
    tmp_path: Path, column: str | None
) -> None:
    one = small(seed=1)
    one.var["gene_ids"] = [f"{i}.7" for i in IDS]
    other = small(seed=2, genes=IDS)[:, ::-1].copy()
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", other)]
    if column is None:
        assert check_samples(pair)["genes"]["n_shared"] == 60
        joined = join_samples(pair)
        assert list(joined.var_names) == GENES
        assert (joined.X[40:] != small(seed=2).X).nnz == 0
    one.var["gene_ids"] = IDS
    pair[0] = saved(tmp_path, "a", one)
    names = join_samples(pair, gene_column=column).var_names
    assert list(names) == (GENES if column is None else IDS)
