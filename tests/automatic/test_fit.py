from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.fit import fit_automatic


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    means = 8 * rng.normal(size=(4, 5))
    x = np.concatenate([m + rng.normal(size=(150, 5)) for m in means])
    y = np.concatenate([m + 0.5 + rng.normal(size=(150, 5)) for m in means])
    return x, y


def test_choices_have_reasons_and_given_values_none(points):
    fit = fit_automatic(*points)
    assert {"n_components", "rho", "epsilon", "transport_weight", "shrinkage"} <= set(fit.reasons)
    k0, k1 = fit.coupling.shape
    assert 4 <= min(k0, k1) <= max(k0, k1) <= 12
    net = fit.log2_net
    cells = fit.prevalence_source.responsibilities(points[0]) @ 2**net
    np.testing.assert_allclose(cells.reshape(4, 150).mean(1), 1, atol=0.02)
    given = fit_automatic(*points, n_components=3, rho=1.0, epsilon=0.1, transport_weight=0.02)
    assert not {"n_components", "rho", "epsilon", "transport_weight"} & set(given.reasons)
    used = given.parameters
    assert [used[k] for k in ("rho", "epsilon", "transport_weight")] == [1.0, 0.1, 0.02]
    assert {row["parameter"] for row in fit.sensitivity} == {"rho", "partition"}
    assert all(len(row["log2_net"]) == k0 for row in fit.sensitivity)


def test_scale_of_the_data_does_not_matter(points):
    one = fit_automatic(*points)
    two = fit_automatic(*(1000 * p for p in points))
    np.testing.assert_allclose(one.coupling, two.coupling, atol=1e-6)
    np.testing.assert_allclose(one.shares_target, two.shares_target, atol=1e-6)


def bent_line(n: int, shift: np.ndarray, seed: int) -> np.ndarray:
    """A population that no cluster border cuts naturally, and two round ones."""
    rng = np.random.default_rng(seed)
    line = rng.normal(size=(n, 6))
    along = rng.uniform(-12, 12, size=n)
    line[:, 0] += along
    line[:, 1] += 0.02 * along**2
    rounds = [rng.normal(size=(n // k, 6)) + 20 * np.eye(6)[k // 2] for k in (2, 4)]
    return np.concatenate([line, *rounds]) + shift


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.long)])
def test_cluster_borders_that_differ_are_not_taken_for_changes(seed):
    x = bent_line(1200, np.zeros(6), seed)
    y = bent_line(1000, 4 * np.eye(6)[3], seed + 100)
    fit = fit_automatic(x, y)
    net = fit.log2_net
    cells = np.log2(fit.prevalence_source.responsibilities(x) @ 2**net)
    assert np.abs(cells).mean() < 0.15
    for part in (cells[:1200], cells[1200:1800], cells[1800:]):
        assert abs(np.log2(np.exp2(part).mean())) < 0.02
    # shares of largest likelihood are what the points say on average, also of crowded components
    for mixture, points in ((fit.prevalence_source, x), (fit.prevalence_target, y)):
        said = mixture.responsibilities(points).mean(0)
        np.testing.assert_allclose(mixture.weights, said, atol=2e-5)


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_a_shift_does_not_leak_into_prevalence(shift: float):
    """A movement of four standard deviations, factors known."""
    change = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0]
    drawn = cg.simulate.points(
        n_components=6,
        n_dims=8,
        log2_change=change,
        shift=[0.0, shift, 0.0, 0.0, 0.0, 0.0],
        random_state=0,
    )
    adata = drawn.to_anndata()
    source = (adata.obs["condition"] == "source").to_numpy()
    x = np.asarray(adata.obsm["X_pca"])
    fit = fit_automatic(x[source], x[~source])
    net = 2**fit.log2_net
    cells = np.log2(fit.prevalence_source.responsibilities(x[source]) @ net)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    for name in np.unique(labels[source]):
        truth = np.log2((labels[~source] == name).mean() / (labels[source] == name).mean())
        assert cells[labels[source] == name].mean() == pytest.approx(truth, abs=0.1)


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.long)])
def test_a_population_that_is_gone_does_not_take_the_numbers_of_its_neighbour(seed):
    rng = np.random.default_rng(seed)
    places = 6 * rng.normal(size=(8, 15))
    before = rng.dirichlet(np.full(8, 5.0))
    after = np.where(np.arange(8) == 0, 0, before) / (1 - before[0])
    sides = []
    for shares, shift in ((before, 0.0), (after, 3.0)):
        labels = rng.choice(8, size=3000, p=shares)
        points = places[labels] + rng.normal(size=(3000, 15)) + shift * np.eye(15)[2]
        sides.append((points, labels))
    (x, label), (y, _) = sides
    fit = fit_automatic(x, y)
    net = fit.log2_net
    cells = fit.prevalence_source.responsibilities(x) @ 2**net
    factor = np.array([cells[label == k].mean() for k in range(8)])
    assert factor[0] < 1e-6
    np.testing.assert_allclose(np.log2(factor[1:] * (1 - before[0])), 0, atol=0.45)
