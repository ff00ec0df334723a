from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.genes.change import breadth, carry, gene_shift, means, moments, top_ranks


def random_side(rng: np.random.Generator, n: int, k: int, g: int = 7) -> tuple:
    x = np.maximum(rng.normal(size=(n, g)), 0)
    return x, rng.dirichlet(np.ones(k), size=n)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_sparse_equals_dense_and_the_definition(kind: type) -> None:
    rng = np.random.default_rng(0)
    x, r = random_side(rng, 50, 3)
    w = rng.random(50)
    dense = moments(x, r, weights=w, block=16)
    sparse = moments(kind(x), r, weights=w)
    for a, b in zip(dense, sparse, strict=True):
        np.testing.assert_allclose(a, b)
    for k in range(3):
        np.testing.assert_allclose(dense.mean[k], np.average(x, axis=0, weights=w * r[:, k]))
        np.testing.assert_allclose(
            dense.fraction[k], np.average(x > 0, axis=0, weights=w * r[:, k])
        )


def test_carried_moments_are_those_of_the_carried_cells() -> None:
    rng = np.random.default_rng(1)
    x, r = random_side(rng, 60, 4)
    back = rng.random((3, 4))
    direct = moments(x, r @ back.T)
    for a, b in zip(carry(moments(x, r), back), direct, strict=True):
        np.testing.assert_allclose(a, b)


def test_shift_of_a_side_with_itself_is_zero_and_swap_changes_the_sign() -> None:
    rng = np.random.default_rng(2)
    x, r = random_side(rng, 80, 3)
    y, q = random_side(rng, 70, 3)
    a, b = moments(x, r), moments(y, q)
    np.testing.assert_allclose(gene_shift(a, a, np.eye(3)).log2_change, 0, atol=1e-12)
    there = gene_shift(a, b, np.eye(3)).log2_change
    np.testing.assert_allclose(there, -gene_shift(b, a, np.eye(3)).log2_change)


def test_units_are_log2() -> None:
    x = np.log(np.full((10, 1), 3.0))
    y = np.log(np.full((10, 1), 12.0))
    one = np.ones((10, 1))
    change = gene_shift(moments(x, one), moments(y, one), np.eye(1))
    np.testing.assert_allclose(change.log2_change, [[2.0]])
    plain = gene_shift(moments(x, one), moments(y, one), np.eye(1), natural_log=False)
    np.testing.assert_allclose(plain.log2_change, y[:1] - x[:1])


def test_component_that_nothing_came_from_is_missing() -> None:
    rng = np.random.default_rng(3)
    x, r = random_side(rng, 30, 2)
    coupling = np.array([[0.5, 0.5], [0.0, 0.0]])
    change = gene_shift(moments(x, r), moments(x, r), coupling).log2_change
    assert np.isfinite(change[0]).all()
    assert np.isnan(change[1]).all()


def test_ranks_and_breadth() -> None:
    change = np.array(
        [[3.0, -2.0, 0.1, 0.0, np.nan], [2.0, 0.0, -1.0, 0.2, 0.0], [4.0, 0.0, 0.0, 2.0, 1.0]]
    )
    ranks = top_ranks(change)
    np.testing.assert_array_equal(ranks[0], [1, 2, 3, 4, 5])
    n, widespread = breadth(change, top=2)
    np.testing.assert_array_equal(n, [3, 1, 1, 1, 0])
    np.testing.assert_array_equal(widespread, [True, False, False, False, False])


def test_missing_components_do_not_count_for_breadth() -> None:
    change = np.vstack([[1.0, 0.0], [np.nan, np.nan], [2.0, 0.0], [np.nan, np.nan]])
    n, widespread = breadth(change, top=1)
    np.testing.assert_array_equal(n, [2, 0])
    np.testing.assert_array_equal(widespread, [True, False])


@pytest.mark.parametrize("sparse", [False, True])
def test_means_of_a_function(sparse: bool) -> None:
    rng = np.random.default_rng(4)
    x, r = random_side(rng, 40, 2)
    found = means(sp.csr_matrix(x) if sparse else x, r, of=np.expm1, block=16)
    np.testing.assert_allclose(found, (r / r.sum(axis=0)).T @ np.expm1(x))
