"""Transfers hold every exchange of mass; the parts of a shift add up."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_cells_that_were_counted_outside_the_coupling_have_a_row(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    """Shares of a target add up, although the coupling gives the pair next to nothing."""
    votes = fit.origin.copy()
    k, j = np.unravel_index(votes.argmin(), votes.shape)
    assert fit.coupling[k, j] < 1e-7
    votes[:, j] *= 0.9
    votes[k, j] += 0.1
    cg.tl.annotate(simulated, replace(fit, votes=votes), **call)
    table = cg.get.transfers(simulated)
    shares = table.groupby("target_component")["share_of_target"].sum()
    np.testing.assert_allclose(shares, 1, atol=1e-4)
    row = table[(table["source_component"] == k) & (table["target_component"] == j)].iloc[0]
    assert row["share_of_target"] == pytest.approx(0.1, abs=1e-4)
    arrived = table.loc[table["source_component"] == k, "mass"].sum()
    assert row["share_of_source"] == pytest.approx(row["mass"] / arrived)


def test_the_parts_of_a_shift_add_up(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    shifts = cg.get.shifts(fitted)
    np.testing.assert_allclose(
        shifts["mean_shift"] ** 2 + shifts["covariance_shift"] ** 2,
        shifts["total_shift"] ** 2,
        rtol=1e-6,
    )
    within = np.trace(fit.source.covariances, axis1=1, axis2=2).mean()
    np.testing.assert_allclose(shifts["total_shift_sd"] * np.sqrt(within), shifts["total_shift"])
