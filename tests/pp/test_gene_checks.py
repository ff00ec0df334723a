"""What a join over genes loses is reported, with the counts that it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.pp import check_samples, join_samples
from tests.pp.made import GENES, problems, saved, small


def without(seed: int, genes: list[str], strong: float = 1.0):
    """Counts in which some genes are missing, and the first two are strong where they are."""
    adata = small(seed=seed)
    values = adata.X.toarray()
    values[:, :2] = np.round(values[:, :2] * strong)
    adata.X = sp.csr_matrix(values)
    return adata[:, [g for g in GENES if g not in genes]].copy()


def test_a_strong_gene_that_only_some_files_have_is_a_warning_that_names_it(
    tmp_path: Path,
) -> None:
    pair = [
        saved(tmp_path, "a", without(1, GENES[:2])),
        saved(tmp_path, "b", without(2, [], strong=20)),
    ]
    facts = check_samples(pair)
    (notice,) = facts["notices"]
    assert notice["level"] == "warning"
    assert "2 genes are not in every file and were left out" in notice["text"]
    assert "GENE000" in notice["text"]
    assert "missing_genes: zero" in notice["advice"]
    assert facts["genes"]["lacking"] == [{"path": pair[0].path, "n_lacking": 2, "n_only_here": 2}]


def test_a_weak_gene_that_a_file_lacks_is_an_information(tmp_path: Path) -> None:
    adata = small(seed=2)
    values = adata.X.toarray()
    values[:, 0] = 0
    values[3, 0] = 1
    adata.X = sp.csr_matrix(values)
    pair = [saved(tmp_path, "a", without(1, GENES[:1])), saved(tmp_path, "b", adata)]
    assert [n["level"] for n in check_samples(pair)["notices"]] == ["info"]
    told = check_samples(pair, missing_genes="zero")["notices"]
    assert "count as zero" in told[0]["text"]


def test_names_that_another_program_changed_are_recognised(tmp_path: Path) -> None:
    changed = [f"HLA.{g}" if i < 4 else g for i, g in enumerate(GENES)]
    plain = [f"HLA-{g}" if i < 4 else g for i, g in enumerate(GENES)]
    pair = [
        saved(tmp_path, "a", small(genes=plain, seed=1)),
        saved(tmp_path, "b", small(genes=changed, seed=2)),
    ]
    text = "\n".join(n["text"] for n in check_samples(pair)["notices"])
    assert "4 genes seem to be written differently" in text
    assert "'HLA-GENE000' and 'HLA.GENE000'" in text


@pytest.mark.parametrize("form", ["csr", "csc", "dense"])
def test_counts_of_lost_genes_are_read_from_every_form_of_matrix(tmp_path: Path, form: str) -> None:
    other = without(2, [], strong=50)
    share = float(other.X[:, :2].sum() / other.X.sum())
    other.X = {"csr": other.X.tocsr, "csc": other.X.tocsc, "dense": other.X.toarray}[form]()
    pair = [saved(tmp_path, "a", without(1, GENES[:2])), saved(tmp_path, "b", other)]
    assert f"up to {share:.1%} of the counts" in check_samples(pair)["notices"][0]["text"]


def test_genes_that_all_files_share_need_no_word(tmp_path: Path) -> None:
    pair = [saved(tmp_path, "a", small(seed=1)), saved(tmp_path, "b", small(seed=2))]
    facts = check_samples(pair)
    assert facts["notices"] == []
    assert "lacking" not in facts["genes"]
    assert join_samples(pair).n_vars == 60


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        ([f"ENSG{i:011d}" for i in range(60)], "Ensembl ids, the other gene symbols"),
        ([g.capitalize() for g in GENES], "upper and lower case"),
        ([f"OTHER{i}" for i in range(60)], "one species"),
    ],
)
def test_genes_that_do_not_overlap(tmp_path: Path, genes: list[str], words: str) -> None:
    pair = [saved(tmp_path, "a", small()), saved(tmp_path, "b", small(genes=genes))]
    text = problems(pair)
    assert words in text
    assert "share only 0 of 60" in text


def test_version_suffixes(tmp_path: Path) -> None:
    ids = [f"ENSG{i:011d}" for i in range(60)]
    pair = [
        saved(tmp_path, "a", small(genes=[f"{g}.1" for g in ids])),
        saved(tmp_path, "b", small(genes=[f"{g}.2" for g in ids], seed=1)),
    ]
    facts = check_samples(pair)
    assert facts["genes"]["n_shared"] == 60
    assert f"({ids[0]}.2 is {ids[0]}.1)" in facts["notices"][0]["text"]
    # without the versions two genes are one, so that they are needed
    twice = [*ids[:58], ids[0], ids[1]]
    pair = [
        saved(
            tmp_path, name, small(genes=[f"{g}.{v}{i // 58}" for i, g in enumerate(twice)], seed=v)
        )
        for v, name in enumerate("ab")
    ]
    assert "version suffix" in problems(pair)


def test_gene_column_makes_files_meet(tmp_path: Path) -> None:
    other = small(genes=[f"ENSG{i:011d}" for i in range(60)], seed=1)
    other.var["symbol"] = np.array(GENES, dtype=object)
    first = small()
    first.var["symbol"] = np.array(GENES, dtype=object)
    pair = [saved(tmp_path, "a", first), saved(tmp_path, "b", other)]
    assert check_samples(pair, gene_column="symbol")["genes"]["n_shared"] == 60
    assert list(join_samples(pair, gene_column="symbol").var_names) == GENES


def test_partial_overlap_and_repeated_names_are_noted(tmp_path: Path) -> None:
    genes = [*GENES[:30], *[f"OTHER{i}" for i in range(30)]]
    pair = [saved(tmp_path, "a", small()), saved(tmp_path, "b", small(genes=genes, seed=1))]
    facts = check_samples(pair)
    assert facts["genes"]["share_of_smallest"] == 0.5
    assert facts["notices"][0]["level"] == "warning"
    adata = small()
    adata.var["symbol"] = np.array(["SAME", "SAME", *GENES[2:]], dtype=object)
    again = saved(tmp_path, "c", adata)
    assert (
        "more than once (SAME)"
        in check_samples([again], gene_column="symbol")["notices"][0]["text"]
    )
    assert "SAME-1" in join_samples([again], gene_column="symbol").var_names
