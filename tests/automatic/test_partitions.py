from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.partitions import FittedPartition, log2_net_of_cells, medoid


def partition(shares_source: list[float], shares_target: list[float]) -> FittedPartition:
    """Components far from each other, each coupled to its own number."""
    k = len(shares_source)
    means = 20.0 * np.eye(k)
    covariances = np.repeat(np.eye(k)[None], k, axis=0)
    shares = (shares_source, shares_target)
    sides = [cg.GaussianMixture(np.array(s), means, covariances) for s in shares]
    return FittedPartition("test", *sides, np.diag(np.minimum(*shares)))


def test_the_net_factor_is_the_ratio_of_shares_where_components_match_one_to_one() -> None:
    np.testing.assert_allclose(partition([0.25, 0.75], [0.5, 0.5]).net, [2.0, 2 / 3])


def test_a_cell_has_the_factor_of_its_component() -> None:
    found = log2_net_of_cells(partition([0.25, 0.75], [0.5, 0.5]), 20.0 * np.eye(2), 1000)
    np.testing.assert_allclose(found, np.log2([2.0, 2 / 3]))


def test_a_component_that_is_gone_has_the_factor_of_half_a_cell() -> None:
    gone = partition([0.5, 0.5], [0.0, 1.0])
    found = log2_net_of_cells(gone, 20.0 * np.eye(2), 100)
    assert found[0] == pytest.approx(np.log2(0.005 / 0.5))


def test_the_medoid_is_nearest_to_all_others() -> None:
    assert medoid([np.zeros(3), np.full(3, 0.4), np.full(3, 1.0)]) == 1


def test_of_equal_partitions_the_first_is_taken() -> None:
    assert medoid([np.zeros(3), np.full(3, 1e-4), np.zeros(3)]) == 0


def test_factors_beyond_the_limit_count_as_equal() -> None:
    far = [np.array([-9.0, 0.0]), np.array([-5.0, 0.1]), np.array([-4.0, 0.3])]
    assert medoid(far) == 1
