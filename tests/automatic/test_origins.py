from __future__ import annotations

import numpy as np
import pytest

from cgmm import GaussianMixture
from cgmm.automatic.fit import fit_automatic
from cgmm.automatic.metric import LearnedMetric, learn_metric
from cgmm.automatic.origins import DrawnCells, assign_to_images, count_origins
from cgmm.automatic.partitions import FittedPartition, log2_net_of_cells

Fitted = tuple[FittedPartition, LearnedMetric]


def cloud(
    rng: np.random.Generator, counts: tuple[int, ...], shift: float
) -> tuple[DrawnCells, np.ndarray]:
    """Types five apart along the first axis, moved along the second."""
    kind = np.repeat(np.arange(len(counts)), counts)
    points = rng.normal(size=(len(kind), 4))
    points[:, 0] += 5.0 * kind
    points[:, 1] += shift
    return DrawnCells(points, np.full(len(kind), 1 / len(kind))), kind


def cut_at(sides: tuple[DrawnCells, DrawnCells], labels: tuple[np.ndarray, np.ndarray]) -> Fitted:
    """Components with the moments of labelled cells, each coupled to its own number."""
    mixtures = []
    for side, label in zip(sides, labels, strict=True):
        parts = [side.points[label == k] for k in range(label.max() + 1)]
        mixtures.append(
            GaussianMixture(
                np.array([len(x) for x in parts]) / len(label),
                np.stack([x.mean(0) for x in parts]),
                np.stack([np.cov(x.T) for x in parts]),
            )
        )
    source, target = mixtures
    weights = np.minimum(source.weights, target.weights)
    found = FittedPartition("test", source, target, np.diag(weights))
    return found, learn_metric(source, target, rho=0.3, epsilon=1.0)


@pytest.fixture
def moved() -> tuple[tuple[DrawnCells, DrawnCells], tuple[np.ndarray, np.ndarray], Fitted]:
    rng = np.random.default_rng(0)
    (source, k0), (target, k1) = cloud(rng, (300, 100), 0.0), cloud(rng, (100, 300), 2.0)
    return (source, target), (k0, k1), cut_at((source, target), (k0, k1))


def test_target_cells_are_assigned_whole_and_to_the_right_type(moved) -> None:
    (source, target), (k0, k1), cut = moved
    assigned = assign_to_images(source.points, target.points, source.weights, cut)
    np.testing.assert_allclose(assigned.sum(axis=1).A1, 1)
    right = np.asarray(assigned @ np.eye(2)[k0])[np.arange(len(k1)), k1]
    assert right.mean() > 0.97


def test_cells_without_weight_are_assigned_nothing(moved) -> None:
    (source, target), (k0, _), cut = moved
    assigned = assign_to_images(source.points, target.points, source.weights * (k0 == 0), cut)
    assert assigned[:, k0 == 1].sum() == 0


def test_cells_correct_components_that_were_cut_in_the_wrong_place(moved) -> None:
    (source, target), (k0, k1), right = moved
    # the first component of the target reaches far into the second type
    wrong = np.where((k1 == 1) & (np.arange(len(k1)) % 3 == 0), 0, k1)
    found, _ = cut_at((source, target), (k0, wrong))
    prior = log2_net_of_cells(found, source.points, len(target.points))
    origins = count_origins(source, target, found, prior, [right], [k0])
    truth = np.log2([1 / 3, 3.0])[k0]
    assert np.abs(prior - truth).mean() > 0.3
    assert np.abs(origins.log2_net - truth).mean() < 0.12
    np.testing.assert_allclose(origins.origin.sum(axis=0), 1)


def test_what_is_gone_gets_nothing_and_what_is_new_gives_nothing(moved) -> None:
    (source, target), (k0, _), (found, movement) = moved
    alone = np.diag([found.coupling[0, 0], 0.0])
    cut = (found._replace(coupling=alone), movement)
    origins = count_origins(source, target, cut[0], np.zeros(len(k0)), [cut], [k0])
    np.testing.assert_allclose(origins.origin[:, 0], [1, 0])
    assert not origins.origin[:, 1].any()
    assert (origins.log2_net[k0 == 1] < -5).all()
    # a quarter of the target is of the first type, which was three quarters of the source
    assert np.median(origins.log2_net[k0 == 0]) == pytest.approx(np.log2(1 / 3), abs=0.1)


def test_a_fit_without_tuning_counts_cells_and_conserves_them() -> None:
    rng = np.random.default_rng(1)
    (source, k0), (target, _) = cloud(rng, (500, 300, 200), 0.0), cloud(rng, (300, 400, 300), 1.0)
    fit = fit_automatic(source.points, target.points)
    np.testing.assert_allclose(fit.origin.sum(axis=0), 1)
    assert (fit.shares_source * np.exp2(fit.log2_net)).sum() == pytest.approx(1)
    assert np.exp2(fit.log2_net_cells).mean() == pytest.approx(1, abs=0.03)
    truth = np.log2([0.6, 4 / 3, 1.5])
    found = [np.log2(np.exp2(fit.log2_net_cells[k0 == k]).mean()) for k in range(3)]
    np.testing.assert_allclose(found, truth, atol=0.1)
