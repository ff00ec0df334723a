from __future__ import annotations

import numpy as np

from cgmm.genes.ambient import ambient_share, contamination


def contaminated(true: np.ndarray, mass: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    overall = mass @ true / mass.sum()
    return (1 - alpha[:, None]) * true + alpha[:, None] * overall


def test_the_bound_is_sharp_where_genes_are_silent() -> None:
    rng = np.random.default_rng(0)
    true = rng.gamma(1.0, 5.0, size=(4, 400))
    for k in range(4):
        true[k, 40 * k : 40 * k + 40] = 0  # expressed by all but one
    mass, alpha = np.array([4.0, 1.0, 3.0, 2.0]), np.array([0.02, 0.1, 0.0, 0.05])
    seen = contaminated(true, mass, alpha)
    found, overall = contamination(seen, mass)
    np.testing.assert_allclose(overall, mass @ seen / mass.sum())
    # the mean of contaminated groups is not quite that of the true ones
    assert (found >= 0.97 * alpha).all()
    np.testing.assert_allclose(found, alpha, atol=0.02)


def test_without_silent_genes_the_bound_stays_small() -> None:
    alpha, _ = contamination(np.ones((3, 50)), np.ones(3))
    np.testing.assert_array_equal(alpha, 0.2)
    nothing, _ = contamination(np.zeros((2, 5)), np.ones(2))
    np.testing.assert_array_equal(nothing, 0)


def test_a_rise_in_one_subpopulation_explains_that_of_the_others() -> None:
    before = np.full((3, 2), 1.0)
    after = before.copy()
    after[0] = [101.0, 101.0]  # one switches both genes on, another the second gene as well
    after[1, 1] = 31.0
    mass, alpha = np.ones(3), np.full(3, 0.05)
    seen = [contaminated(x, mass, alpha) for x in (before, after)]
    added = [np.outer(alpha, x.mean(axis=0)) for x in seen]
    share = ambient_share(*seen, *added)
    assert share[0].max() < 0.05
    np.testing.assert_allclose(share[2], 1, atol=0.02)
    assert share[1, 0] > 0.95
    assert share[1, 1] < 0.1
    np.testing.assert_array_equal(ambient_share(seen[0], seen[0], added[0], added[1]), 0)
