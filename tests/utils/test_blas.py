"""One thread of BLAS inside, the old number outside."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from cgmm._utils.blas import one_thread


def n_threads() -> list[int]:
    np.eye(2) @ np.eye(2)
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_overlapping_limits_end_with_the_last_one() -> None:
    before = n_threads()
    with one_thread():
        with one_thread():
            assert set(n_threads()) == {1}
        assert set(n_threads()) == {1}
    assert n_threads() == before


def test_the_limit_ends_also_after_an_error() -> None:
    before = n_threads()
    try:
        with one_thread():
            raise KeyError
    except KeyError:
        pass
    assert n_threads() == before
