"""Readings of a coupling: fractions, origins, net factors."""

from __future__ import annotations

import numpy as np

from cgmm.transport.coupling import (
    divide,
    is_gone,
    log2_net,
    share_of_source,
    share_of_target,
    shifted_origin,
    transfer_mass,
)

W = np.array([[0.2, 0.1, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.0]])
SHARES = np.array([0.5, 0.3, 0.2])


def test_fractions_of_a_source_sum_to_one_unless_it_is_gone():
    to = share_of_source(W)
    np.testing.assert_allclose(to[0], [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(to.sum(1), [1, 1, 0])
    np.testing.assert_array_equal(is_gone(W), [False, False, True])
    np.testing.assert_array_equal(is_gone(W.T), [False, False, True])


def test_transferred_mass_is_that_of_the_shares_not_of_the_coupling():
    np.testing.assert_allclose(transfer_mass(W, SHARES).sum(1), [0.5, 0.3, 0.0])


def test_origins_follow_from_bayes_rule():
    origin = share_of_target(W, SHARES)
    np.testing.assert_allclose(origin[:, 1], [0.5 / 3 / (0.5 / 3 + 0.3), 0.3 / (0.5 / 3 + 0.3), 0])
    np.testing.assert_allclose(origin.sum(0), [1, 1, 0])


def test_counted_origins_move_with_the_coupling_and_stay_fractions():
    before, counted = (
        share_of_target(W, SHARES),
        np.array([[0.9, 0.6, 0], [0.1, 0.4, 0], [0, 0, 0]]),
    )
    np.testing.assert_allclose(shifted_origin(counted, before, before), counted)
    after = share_of_target(W * np.array([[1.0], [100.0], [1.0]]) + 0.1, SHARES)
    moved = shifted_origin(counted, before, after)
    assert (moved >= 0).all()
    np.testing.assert_allclose(moved.sum(0), 1)


def test_net_factors_of_unchanged_shares_are_one_and_of_gone_components_zero():
    shares = np.array([0.5, 0.5])
    np.testing.assert_allclose(log2_net(np.eye(2), shares, shares), 0, atol=1e-12)
    net = log2_net(np.array([[1.0, 1.0], [0.0, 0.0]]), shares, shares)
    np.testing.assert_array_equal(net, [1, -np.inf])


def test_a_quotient_is_zero_where_the_divisor_is_not_positive():
    np.testing.assert_array_equal(divide(np.ones(3), np.array([2.0, 0.0, -1.0])), [0.5, 0, 0])
