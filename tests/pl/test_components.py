"""Ellipses are the components."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_dimensions_must_exist(fitted: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="two different numbers from 0 to 5"):
        cg.pl.components(fitted, dims=(0, 6))


@pytest.mark.parametrize("dims", [(0, 1), (4, 2)])
def test_ellipses_are_the_components(fitted: ad.AnnData, dims: tuple[int, int]) -> None:
    fit, pair = cg.get.fit(fitted), list(dims)
    ellipses = cg.pl.components(fitted, dims=dims).patches
    mixtures = (fit.source, fit.target)
    assert len(ellipses) == sum(m.n_components for m in mixtures)
    means = np.concatenate([np.asarray(m.means)[:, pair] for m in mixtures])
    shapes = np.concatenate([np.asarray(m.covariances)[:, pair][:, :, pair] for m in mixtures])
    for ellipse, mean, shape in zip(ellipses, means, shapes, strict=True):
        assert ellipse.center == pytest.approx(tuple(mean))
        axes = np.array([ellipse.width, ellipse.height]) / 2
        angle = np.radians(ellipse.angle)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        got = turn @ np.diag(axes**2) @ turn.T
        np.testing.assert_allclose(got, 1.5**2 * shape, rtol=1e-6, atol=1e-9)
