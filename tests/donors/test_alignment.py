"""The translation of a mixture whose shares are free."""

from __future__ import annotations

import numpy as np

from cgmm.donors.alignment import translation
from cgmm.mixture.gaussian_mixture import GaussianMixture

MIXTURE = GaussianMixture(
    np.array([0.5, 0.5]), np.array([[0.0, 0.0], [3.0, 0.0]]), np.stack([np.eye(2)] * 2)
)


def drawn(share: float, move: tuple[float, float], n: int = 3000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) + move
    x[:, 0] += np.where(rng.random(n) < share, 0.0, 3.0)
    return x


def test_a_change_of_shares_is_not_taken_for_a_move() -> None:
    x = drawn(0.2, (0.0, 0.0))
    np.testing.assert_allclose(translation(x, MIXTURE).move, 0.0, atol=0.1)
    assert x.mean(axis=0)[0] - 1.5 > 0.8  # which the mean cell does


def test_a_move_is_found_though_shares_change() -> None:
    np.testing.assert_allclose(
        translation(drawn(0.8, (2.0, -1.0)), MIXTURE).move, (2, -1), atol=0.1
    )


def test_many_points_are_drawn_from() -> None:
    x = drawn(0.5, (1.0, 0.0), n=12000)
    np.testing.assert_allclose(translation(x, MIXTURE).move, (1, 0), atol=0.1)
    np.testing.assert_array_equal(translation(x, MIXTURE).move, translation(x, MIXTURE).move)


def test_the_errors_are_those_of_repeats() -> None:
    found = [translation(drawn(0.4, (1.0, 0.0), n=400, seed=i), MIXTURE) for i in range(200)]
    errors = np.sqrt([np.diag(one.covariance) for one in found]).mean(axis=0)
    spread = np.std([one.move for one in found], axis=0)
    np.testing.assert_allclose(errors, spread, rtol=0.2)
    assert errors[0] > 1.3 * errors[1]  # along the line between the states, shares hide a move
