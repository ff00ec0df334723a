"""Rows of a Dask array are those of the array in memory, and only chunks with them are read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils.lazy_rows import LazyRows, in_memory, is_lazy, pieces

dask = pytest.importorskip("dask.array")

ROWS = np.array([17, 3, 3, 29, 0, 11])


@pytest.fixture
def whole() -> np.ndarray:
    return np.random.default_rng(0).poisson(1.0, (30, 6)).astype(float)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_rows_are_those_of_the_array(whole: np.ndarray, kind: Callable) -> None:
    lazy = dask.from_array(whole, chunks=(7, 6)).map_blocks(kind)
    assert is_lazy(lazy)
    assert not is_lazy(whole)
    rows = LazyRows(lazy)[ROWS]
    assert rows.shape == (6, 6)
    for found, expected in (
        (in_memory(rows), whole[ROWS]),
        (in_memory(rows * 2.0, np.array([4, 1])), 2 * whole[ROWS][:, [4, 1]]),
        (in_memory(rows[:2]), whole[ROWS[:2]]),
        (in_memory(LazyRows(lazy)), whole),
    ):
        dense = found.toarray() if sp.issparse(found) else found
        np.testing.assert_array_equal(dense, expected)


def test_columns_in_chunks_are_put_together(whole: np.ndarray) -> None:
    lazy = LazyRows(dask.from_array(whole, chunks=(10, 4)))
    np.testing.assert_array_equal(in_memory(lazy[ROWS]), whole[ROWS])


def test_only_chunks_with_wanted_rows_are_read(whole: np.ndarray) -> None:
    seen: list[int] = []

    def read(chunk: np.ndarray) -> np.ndarray:
        seen.append(len(chunk))
        return chunk

    lazy = dask.from_array(whole, chunks=(7, 6)).map_blocks(read, dtype=float, meta=whole[:0])
    found = list(pieces(LazyRows(lazy)[np.array([8, 9, 29])]))
    assert seen == [7, 2]
    assert [part.shape for _, part in found] == [(2, 6), (1, 6)]


def test_a_matrix_in_memory_is_one_piece(whole: np.ndarray) -> None:
    ((at, part),) = pieces(whole)
    assert part is whole
    assert at == slice(None)
    assert in_memory(whole) is whole


def test_no_rows_have_all_columns(whole: np.ndarray) -> None:
    assert in_memory(LazyRows(dask.from_array(whole))[:0]).shape == (0, 6)
