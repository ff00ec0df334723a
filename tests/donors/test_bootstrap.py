from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cgmm.donors.bootstrap import (
    Draws,
    between_partitions,
    draw_weights,
    factor_interval,
    run_all,
    shift_interval,
    transfer_interval,
)
from cgmm.donors.design import design


def cells(names: str, n: int = 30) -> np.ndarray:
    return np.repeat(names.split(), n).astype(object)


def drawn(log2_net: np.ndarray, share: np.ndarray | None = None) -> Draws:
    empty = np.zeros((len(log2_net), 1, 1))
    return Draws(log2_net, empty if share is None else share, empty, empty)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_draws_have_the_variance_of_a_mean(n: int) -> None:
    rng = np.random.default_rng(n)
    value = rng.normal(size=n)
    names = " ".join(f"a{i}" for i in range(n))
    plan = design(cells(names), cells(names.replace("a", "b")))
    means = [w @ value / w.sum() for w, _ in draw_weights(plan, 6000, 0)]
    assert np.var(means) == pytest.approx(value.var(ddof=1) / n, rel=0.08)


def test_pairs_are_drawn_together_and_sides_are_not() -> None:
    paired = draw_weights(design(cells("a b c"), cells("a b c")), 20, 0)
    assert all(np.array_equal(a, b) for a, b in paired)
    free = draw_weights(design(cells("a b c"), cells("d e f")), 20, 0)
    assert not all(np.array_equal(a, b) for a, b in free)


def test_draws_stay_within_batches_and_do_not_depend_on_their_number() -> None:
    batch = np.repeat(["x", "x", "y", "y", "y"], 30)
    plan = design(
        cells("a b c d e"), cells("f g h i j"), batches_source=batch, batches_target=batch
    )
    many = draw_weights(plan, 30, 4)
    for source, _ in many:
        assert source[:2].sum() == pytest.approx(2)
        assert source[2:].sum() == pytest.approx(3)
    few = draw_weights(plan, 5, 4)
    for (a, b), (c, d) in zip(few, many, strict=False):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_factor_interval_is_students() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(scale=0.4, size=(4000, 2))
    net = np.array([1.0, -np.inf])
    found = factor_interval(
        net,
        drawn(values + np.array([0.3, 0.0])),
        np.array([0.3, 0.0]),
        freedom=np.array([8.0, 8.0]),
        between=np.zeros(2),
        n_between=0,
    )
    half = scipy.stats.t.ppf(0.975, 8) * 0.4
    assert found.low[0] == pytest.approx(1 - half, abs=0.05)
    assert found.high[0] == pytest.approx(1 + half, abs=0.05)
    wider = factor_interval(
        net[:1],
        drawn(values[:, :1]),
        net[:1],
        freedom=np.array([8.0]),
        between=np.ones(1),
        n_between=4,
    )
    assert wider.high[0] - wider.low[0] > 2 * half


def test_transfer_interval_stays_between_nothing_and_all() -> None:
    rng = np.random.default_rng(1)
    share = np.array([[0.97, 0.03], [0.5, 0.5]])
    draws = rng.beta(20 * share + 0.1, 20 * (1 - share) + 0.1, size=(500, 2, 2))
    found = transfer_interval(share, drawn(draws[:, :, 0], draws), freedom=8)
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()
    assert (found.low <= share).all()
    assert (share <= found.high).all()
    assert 0.2 < found.low[1, 0] < 0.4


@pytest.mark.parametrize("length", [0.0, 1.0, 4.0])
def test_shift_is_free_of_the_bias_of_distances(length: int) -> None:
    rng = np.random.default_rng(2)
    n_dims, noise = 20, 0.3
    true = np.zeros(n_dims)
    true[0] = length
    squares, covered = [], []
    for _ in range(300):
        estimate = true + rng.normal(scale=noise, size=n_dims)
        draws = estimate + rng.normal(scale=noise, size=(200, 1, n_dims))
        found = shift_interval(estimate[None], draws, freedom=200)
        squares.append(found.length[0] ** 2)
        covered.append(found.low[0] <= length <= found.high[0])
    assert np.mean(covered) > 0.9
    if length:
        assert np.sqrt(np.mean(squares)) == pytest.approx(length, rel=0.03)
        biased = np.sqrt(length**2 + n_dims * noise**2)
        assert np.sqrt(np.mean(squares)) < 0.5 * (length + biased)


def test_partitions_that_disagree_have_a_variance() -> None:
    factors = [[0.0, 1.0, -np.inf], [0.0, 3.0, 0.0]]
    spread, n = between_partitions(factors, 3)
    assert n == 2
    np.testing.assert_allclose(spread, [0, 2 * 1.5, 0])
    clipped, _ = between_partitions(factors, 3, farthest=0.5)
    assert (clipped < spread + 1e-12).all()
    assert clipped.sum() < spread.sum()


def test_partitions_that_agree_on_a_loss_do_not_disagree_on_its_size() -> None:
    assert between_partitions([[-5.0], [-9.0]], 1, farthest=4.0)[0] == 0


def test_one_partition_has_no_variance() -> None:
    spread, n = between_partitions([[0.0, 1.0, 2.0]], 3)
    assert n == 0
    np.testing.assert_array_equal(spread, 0)


def test_refits_keep_the_order_of_their_weights_with_any_number_of_threads() -> None:
    pairs = [(np.array([float(i)]), np.array([0.0])) for i in range(9)]
    seen = []
    for n_jobs in (1, 3):
        refits = run_all(
            lambda pair: pair[0][0],  # type: ignore[arg-type, return-value]
            pairs,
            n_jobs=n_jobs,
            tick=lambda: seen.append(1),
        )
        assert refits == list(range(9))
    assert len(seen) == 18
