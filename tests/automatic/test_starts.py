from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.starts import N_SEEDS, RESOLUTIONS, make_starts


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    means = 8 * rng.normal(size=(4, 5))
    source, target = (
        np.concatenate([m + move + rng.normal(size=(150, 5)) for m in means]) for move in (0, 0.5)
    )
    return source, target


def test_there_is_a_start_for_each_resolution(points: tuple) -> None:
    starts = make_starts(points, (None, None), (None, None), None, 0)
    assert [pair.label for pair in starts.pairs] == [f"resolution {r:g}" for r in RESOLUTIONS]
    assert all(pair.source.n_components >= 4 for pair in starts.pairs)
    assert starts.between_donors is None


def test_given_numbers_of_components_are_started_by_k_means(points: tuple) -> None:
    starts = make_starts(points, (None, None), (None, None), (3, 4), 7)
    labels = [f"k-means, seed {7 + i}" for i in range(N_SEEDS)]
    assert [pair.label for pair in starts.pairs] == labels
    for pair in starts.pairs:
        assert (pair.source.n_components, pair.target.n_components) == (3, 4)


def test_differences_between_donors_are_measured_where_donors_are_known(points: tuple) -> None:
    names = np.tile(["a", "b", "c"], 200)
    moved = tuple(x + 3.0 * (names == "a")[:, None] * np.eye(5)[0] for x in points)
    between = make_starts(moved, (None, None), (names, names), 4, 0).between_donors
    assert between is not None
    assert between[0, 0] == pytest.approx(3.0, rel=0.3)
    assert np.abs(between[1:, 1:]).max() < 0.2
    alone = np.full(600, "a")
    assert make_starts(points, (None, None), (alone, alone), 4, 0).between_donors is None
