"""Simulated counts with the true subpopulations as the fit."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import pytest

import cgmm as cg
from tests.tl.truth import TYPES, true_mixtures


@pytest.fixture(scope="session")
def simulate(make_counts: Callable, couple: Callable, call: dict) -> Callable[..., ad.AnnData]:
    """Simulated counts with the true subpopulations as the fit."""

    def made(shift: dict[str, float], **arguments: object) -> ad.AnnData:
        adata = make_counts(
            n_cells=1600, n_genes=200, n_donors=4, paired=True, log2_change={}, shift=shift,
            random_state=5, **arguments,
        )  # fmt: skip
        fit = couple(*true_mixtures(adata).values())
        cg.tl.annotate(adata, fit, **call, donor_key="donor", name_by="cell_type")
        return adata

    return made


@pytest.fixture(scope="session")
def _everywhere(simulate: Callable) -> ad.AnnData:
    return simulate(dict.fromkeys(TYPES, 2.0))


@pytest.fixture(scope="session")
def _somewhere(simulate: Callable) -> ad.AnnData:
    return simulate({"Alpha": 2.0, "Gamma": 1.0})


@pytest.fixture
def everywhere(_everywhere: ad.AnnData) -> ad.AnnData:
    return _everywhere.copy()


@pytest.fixture
def somewhere(_somewhere: ad.AnnData) -> ad.AnnData:
    return _somewhere.copy()
