"""Agreement of the ways of seeing genes change."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.tl._gene_agreement import agreement_in_sign, agreement_table, rank_correlation
from cgmm.tl._gene_tests import DonorTests

NAN = np.nan


def test_signs_are_compared_with_the_change_of_expression() -> None:
    expression = np.array([[1.0, 1.0, 1.0, 1.0, 1.0, NAN]])
    moved = np.array([[2.0, -1.0, 1.0, -1.0, NAN, 1.0]])
    tested = np.array([[3.0, 1.0, -1.0, -1.0, NAN, 1.0]])
    words = agreement_in_sign(expression, moved, tested)
    assert list(words[0]) == ["all", "loadings differ", "DE differs", "both differ", "", ""]


def test_rank_correlation_needs_ten_genes_that_vary() -> None:
    x = np.arange(10.0)
    assert rank_correlation(x, x**3) == pytest.approx(1)
    assert np.isnan(rank_correlation(x[:9], x[:9]))
    assert np.isnan(rank_correlation(x, np.append(x[:9], NAN)))
    assert np.isnan(rank_correlation(x, np.ones(10)))


def test_the_table_counts_the_genes_of_each_way() -> None:
    expression = np.array([[*np.arange(1.0, 12.0), NAN]])
    moved = np.where(np.arange(12) < 10, expression, NAN)
    p = np.full((1, 12), NAN)
    tests = DonorTests(p, p, np.where(np.arange(12) < 2, 0.01, p), ["none"])
    row = agreement_table(
        expression,
        moved,
        tests,
        "",
        ["Alpha"],
        agree_top=np.array([[1.0, 0.0, *[NAN] * 10]]),
        top=np.arange(12)[None] < 4,
    ).iloc[0]
    assert (row["n_genes"], row["n_loading"], row["n_tested"], row["n_significant"]) == (
        11,
        10,
        0,
        2,
    )
    assert row["r_expression_loading"] == pytest.approx(1)
    assert row["agree_top"] == pytest.approx(0.5)
    assert row["de_reason"] == "none"
