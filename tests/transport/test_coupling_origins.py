"""Readings of a coupling: fractions, origins, net factors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgmm.transport import coupling as coupling_module
from cgmm.transport.coupling import (
    divide,
    is_gone,
    share_of_source,
    share_of_target,
    shifted_origin,
    transfer_mass,
)


def log2_net(coupling: np.ndarray, s: np.ndarray, t: np.ndarray) -> np.ndarray:
    return coupling_module.log2_net(share_of_target(coupling, s), s, t)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000))
def test_net_factors_conserve_mass(k0: int, k1: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coupling = rng.gamma(0.3, size=(k0, k1)) + 1e-12
    coupling[rng.uniform(size=k0) < 0.2] = 0.0
    coupling[:, rng.uniform(size=k1) < 0.2] = 0.0
    s, t = rng.dirichlet(np.ones(k0)), rng.dirichlet(np.ones(k1))
    net = 2 ** log2_net(coupling, s, t)
    new = is_gone(coupling.T)
    assert (s * net).sum() == pytest.approx(1 - t[new].sum())
    gone = is_gone(coupling)
    mass = transfer_mass(coupling, s)
    assert mass.sum() == pytest.approx(1 - s[gone].sum())
    assert (net[gone] == 0).all()
    # the factor does not depend on the mass of the coupling
    other = 0.7 * coupling
    np.testing.assert_allclose(2 ** log2_net(other, s, t), net, rtol=1e-9)
    # order of components is of no consequence
    p, q = rng.permutation(k0), rng.permutation(k1)
    np.testing.assert_allclose(2 ** log2_net(coupling[np.ix_(p, q)], s[p], t[q]), net[p], rtol=1e-9)


def test_origins_corrected_by_cells_move_with_the_coupling() -> None:
    rng = np.random.default_rng(0)
    s = rng.dirichlet(np.ones(4))
    before, after = (share_of_target(rng.gamma(0.5, size=(4, 3)), s) for _ in range(2))
    cells = rng.dirichlet(np.ones(4), size=3).T
    np.testing.assert_allclose(shifted_origin(cells, before, before), cells)
    np.testing.assert_allclose(shifted_origin(before, before, after), after, atol=1e-12)
    moved = shifted_origin(cells, before, after)
    assert moved.min() >= 0
    np.testing.assert_allclose(moved.sum(axis=0), 1)


def test_swapping_the_conditions_of_a_diagonal_coupling_inverts_the_factors() -> None:
    rng = np.random.default_rng(1)
    coupling = np.diag(rng.dirichlet(np.ones(4)))
    s, t = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    np.testing.assert_allclose(log2_net(coupling, s, t), -log2_net(coupling.T, t, s))
    np.testing.assert_allclose(log2_net(coupling, s, t), np.log2(t / s))


def test_the_worked_example() -> None:
    # T = [[3/4, 1/4], [1/3, 2/3]], so 5/12 of the source goes to the first target
    coupling = np.array([[0.3, 0.1], [0.2, 0.4]])
    s, t = np.array([0.2, 0.8]), np.array([0.4, 0.6])
    mass = transfer_mass(coupling, s)
    np.testing.assert_allclose(mass, [[0.15, 0.05], [0.8 / 3, 1.6 / 3]])
    r = share_of_target(coupling, s)
    np.testing.assert_allclose(r, [[0.36, 3 / 35], [0.64, 32 / 35]])
    net = 2 ** log2_net(coupling, s, t)
    np.testing.assert_allclose(net, [0.171 / 0.175, 0.176 / 0.175])


def test_mass_that_the_coupling_gives_up_does_not_change_who_came_from_where() -> None:
    coupling = np.array([[0.3, 0.1], [0.2, 0.4]])
    s = np.array([0.2, 0.8])
    lossy = coupling * np.array([[1.0], [1e-6]])
    np.testing.assert_allclose(share_of_target(lossy, s), share_of_target(coupling, s))


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
    np.testing.assert_allclose(coupling_module.log2_net(np.eye(2), shares, shares), 0, atol=1e-12)
    net = coupling_module.log2_net(np.array([[1.0, 1.0], [0.0, 0.0]]), shares, shares)
    np.testing.assert_array_equal(net, [1, -np.inf])


def test_a_quotient_is_zero_where_the_divisor_is_not_positive():
    np.testing.assert_array_equal(divide(np.ones(3), np.array([2.0, 0.0, -1.0])), [0.5, 0, 0])
