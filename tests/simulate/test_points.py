"""Simulated points have the moments of their truth."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm import simulate


def test_paired_donors_are_in_both_conditions() -> None:
    for paired, n in ((True, 4), (False, 8)):
        adata = simulate.points(n_donors=4, paired=paired, n_cells=100).to_anndata()
        assert adata.obs["donor"].nunique() == n


def test_points_have_the_moments_of_the_truth() -> None:
    drawn = simulate.points(
        n_components=2, n_dims=3, n_cells=20_000, shift=[0.0, 3.0], donor_share_sd=0.0
    )
    for k in range(2):
        for side in ("source", "target"):
            x = drawn.points[(drawn.component == k) & (drawn.condition == side)]
            np.testing.assert_allclose(x.mean(0), drawn.truth[f"{side}_means"][k], atol=0.08)
            np.testing.assert_allclose(np.cov(x.T), drawn.truth["covariances"][k], atol=0.12)
    moved = drawn.truth["target_means"] - drawn.truth["source_means"]
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), [0.0, 3.0], atol=1e-12)


def test_points_refuse_vectors_of_the_wrong_length() -> None:
    with pytest.raises(ValueError, match="there are 4 subpopulations"):
        simulate.points(log2_change=[0.0, 1.0])


def test_points_take_means_and_move_in_one_direction() -> None:
    means = np.arange(12.0).reshape(3, 4)
    call = {"n_components": 3, "n_dims": 4, "n_cells": 60, "means": means, "shift": [0.0, 1.0, 2.0]}
    truth = simulate.points(**call, shift_direction="common").truth
    np.testing.assert_array_equal(truth["source_means"], means)
    moved = truth["target_means"] - truth["source_means"]
    np.testing.assert_allclose(moved[2], 2 * moved[1])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), [0.0, 1.0, 2.0], atol=1e-12)
    own = simulate.points(**call).truth
    moved = own["target_means"] - own["source_means"]
    assert abs(moved[1] @ moved[2]) < 1.9


def test_points_refuse_unknown_directions_and_misshapen_means() -> None:
    with pytest.raises(ValueError, match='give "own" or "common"'):
        simulate.points(shift_direction="all")
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*\(4, 5\)"):
        simulate.points(means=np.zeros((2, 2)))
