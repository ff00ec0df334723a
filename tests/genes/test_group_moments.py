"""Moments of groups over values on disk are those of values in memory, and are read once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils.lazy_rows import LazyRows, Members
from cgmm.genes.change import means, moments
from cgmm.genes.group_moments import group_moments, groups_of

da = pytest.importorskip("dask.array")

N, G, K = 90, 7, 4


@pytest.fixture
def values() -> sp.csr_matrix:
    rng = np.random.default_rng(0)
    return sp.csr_matrix(np.log1p(rng.poisson(0.7, (N, G))).astype(np.float32))


@pytest.fixture
def lazy(values: sp.csr_matrix) -> LazyRows:
    dense = da.from_array(values.toarray(), chunks=(17, G))
    return LazyRows(dense.map_blocks(sp.csr_matrix, meta=values[:0], dtype=values.dtype))


@pytest.fixture
def groups() -> np.ndarray:
    """Groups 3, 0 and 1 and cells of none; group 2 has no cell."""
    return np.random.default_rng(1).permutation(np.repeat([3, 0, 1, -1], [40, 20, 20, 10]))


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("unit", [1.0, 0.5])
def test_they_are_those_of_values_in_memory(
    values: sp.csr_matrix, lazy: LazyRows, groups: np.ndarray, weighted: bool, unit: float
) -> None:
    weights = np.random.default_rng(2).uniform(size=N) if weighted else None
    found = group_moments(lazy * unit, groups, K, weights)
    member = Members(groups, K)
    expected = moments(values * unit, member, weights=weights)
    for one, other in zip(found.moments, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    plain = means(values * unit, member, weights=weights, of=np.expm1)
    np.testing.assert_allclose(found.plain, plain, rtol=1e-5)
    assert np.isnan(found.moments.mean[2]).all()
    assert found.moments.mass[2] == 0


def test_values_are_read_once_for_the_same_groups(
    lazy: LazyRows, groups: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    whole = LazyRows._pieces

    def counted(self: LazyRows) -> Iterator[object]:
        read.append(self)
        return whole(self)

    monkeypatch.setattr(LazyRows, "_pieces", counted)
    first = group_moments(lazy, groups, K, None)
    renamed = np.array([2, 1, 0, 3, -1])[groups]  # the same groups by other numbers
    again = group_moments(lazy[np.arange(N)], renamed, K, None)
    np.testing.assert_array_equal(again.plain[[2, 1, 3]], first.plain[[0, 1, 3]])
    assert len(read) == 1
    group_moments(lazy[: N // 2], groups[: N // 2], K, None)
    group_moments(lazy, groups, K, np.arange(N) + 1.0)
    group_moments(lazy * 2.0, groups, K, None)
    other = groups.copy()
    other[0] = (other[0] + 1) % K
    group_moments(lazy, other, K, None)
    assert len(read) == 5


def test_groups_of_memberships(groups: np.ndarray) -> None:
    member = (groups[:, None] == np.arange(K)).astype(float)
    np.testing.assert_array_equal(groups_of(member), groups)
    np.testing.assert_array_equal(groups_of(Members(groups, K)), groups)
    assert groups_of(member * 0.5) is None
    assert groups_of(np.full((3, 2), 1.0)) is None
