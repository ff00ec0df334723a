"""Covariances of both sides and the fidelity of their pairs."""

from __future__ import annotations

import numpy as np

from cgmm.coupled.shapes import Shapes, coupled_pairs, repeated, with_fidelity
from tests.coupled.problems import mixture


def test_only_the_given_pairs_get_a_fidelity():
    covariances = np.concatenate([mixture(2, 3, 0).covariances, mixture(3, 3, 1).covariances])
    shapes = Shapes.of(covariances, np.full((2, 3), -1.0))
    new = with_fidelity(shapes, 2, (np.array([1, 0]), np.array([2, 0])))
    np.testing.assert_array_equal(new.fidelity > 0, [[True, False, False], [False, False, True]])
    product = np.linalg.eigvals(covariances[1] @ covariances[4]).real
    np.testing.assert_allclose(new.fidelity[1, 2], np.sqrt(product).sum())


def test_a_pair_is_coupled_when_its_mass_counts_beside_that_of_its_components():
    coupling = np.array([[0.5, 1e-35], [1e-35, 1e-18]])
    np.testing.assert_array_equal(coupled_pairs(coupling), np.eye(2, dtype=bool))


def test_tied_shapes_are_repeated_for_every_component():
    two = Shapes.of(mixture(2, 3, 0).covariances, np.array([[7.0]]))
    many = repeated(two, 2, 3)
    np.testing.assert_array_equal(many.covariances, two.covariances[[0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(many.roots.root, two.roots.root[[0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(many.fidelity, np.full((2, 3), 7.0))
