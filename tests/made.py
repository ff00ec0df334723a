"""Small simulated and fitted objects for the tests of the AnnData layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.sides import cell_weights, take_sides

CALL = {"condition_key": "condition", "source": "control", "target": "treated"}
N_CELLS = {"n_cells": 1600, "n_genes": 200, "n_donors": 4}


def log_counts(**arguments: Any) -> ad.AnnData:
    """Simulated counts, log-normalised, with principal components."""
    adata = cg.simulate.counts(**arguments)
    counts = sp.csr_matrix(adata.X)
    adata.layers["counts"] = counts
    adata.X = sp.csr_matrix(sp.diags(1e4 / counts.sum(axis=1).A1) @ counts).log1p()
    x = adata.X.toarray()
    chosen = np.argsort(-x.var(axis=0))[:150]
    x = x[:, chosen] - x[:, chosen].mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x)
    loadings = vectors[:, np.argsort(-values)[:6]]
    adata.obsm["X_pca"] = x @ loadings
    adata.varm["PCs"] = np.zeros((adata.n_vars, 6))
    adata.varm["PCs"][chosen] = loadings
    return adata


def plain_fit(
    adata: ad.AnnData, *, n_components: Any = 6, donor_key: str | None = "donor", **call: str
) -> cg.CoupledFit:
    """Fit without any choice made from the data."""
    sides = take_sides(adata, Comparison(**{**CALL, **call}, donor_key=donor_key))
    weights = cell_weights(sides)
    return cg.fit_coupled(
        *sides.points,
        n_components=n_components,
        weights_source=weights.source,
        weights_target=weights.target,
        max_steps=300,
        tol=1e-5,
    )


def coupled(
    source: cg.GaussianMixture,
    target: cg.GaussianMixture,
    *,
    shares_source: np.ndarray | None = None,
    shares_target: np.ndarray | None = None,
) -> cg.CoupledFit:
    """Couple two known mixtures by unbalanced scaling (Chizat et al. 2018), nothing fitted."""
    gap = source.means[:, None] - target.means[None]
    costs = (gap**2).sum(-1)
    for k, j in np.ndindex(costs.shape):
        s, t = source.covariances[k], target.covariances[j]
        values, vectors = np.linalg.eigh(s)
        root = (vectors * np.sqrt(values)) @ vectors.T
        fidelity = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ t @ root), 0)).sum()
        costs[k, j] += max(np.trace(s) + np.trace(t) - 2 * fidelity, 0.0)
    rho, epsilon = (x * np.trace(source.covariances[0]) for x in (1.0, 0.05))
    log_s, log_t = np.log(source.weights), np.log(target.weights)
    log_plan = log_s[:, None] + log_t - costs / epsilon
    f, g, tau = np.zeros(len(costs)), np.zeros(costs.shape[1]), rho / (rho + epsilon)
    for _ in range(300):
        f = tau * (log_s - logsumexp(log_plan + g, axis=1))
        g = tau * (log_t - logsumexp(log_plan + f[:, None], axis=0))
    return cg.CoupledFit(
        source=source,
        target=target,
        coupling=np.exp(log_plan + f[:, None] + g),
        costs=costs,
        transport_cost=1.0,
        shares_source=source.weights if shares_source is None else shares_source,
        shares_target=target.weights if shares_target is None else shares_target,
        log_likelihood=(-1.0, -1.0),
        objective=-2.0,
        converged=True,
        status="not fitted",
        history=np.array([-2.0]),
        n_steps=1,
        seconds=0.0,
        parameters={"rho": rho, "epsilon": epsilon},
        reasons={"rho": "the variance within components"},
    )


def same_fit(a: cg.CoupledFit, b: cg.CoupledFit) -> None:
    """Fail when two fits are not the same to the last bit."""
    for side in ("source", "target"):
        for name in ("weights", "means", "covariances"):
            np.testing.assert_array_equal(
                getattr(getattr(a, side), name), getattr(getattr(b, side), name)
            )
    for name in ("coupling", "costs", "history", "shares_source", "shares_target"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("transport_cost", "log_likelihood", "objective", "converged", "status", "n_steps"):
        assert getattr(a, name) == getattr(b, name)
    assert a.parameters == b.parameters
    assert a.reasons == b.reasons


def encodings(path: Path) -> dict[str, str]:
    """Encoding of every element of an h5ad or zarr file, by name."""
    found: dict[str, str] = {}
    if path.suffix == ".h5ad":
        with h5py.File(path) as file:
            file.visititems(lambda n, o: found.update({n: o.attrs.get("encoding-type", "")}))
        return found
    import zarr

    group = zarr.open_group(path, mode="r")
    return {n: str(o.attrs.get("encoding-type", "")) for n, o in group.members(max_depth=None)}
