"""Cases of the donor benchmark: two groups of donors, and the factors they were drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import anndata as ad
import numpy as np
import scanpy as sc
from _common import DATA

import cgmm as cg

SHARES = (0.30, 0.25, 0.20, 0.12, 0.08, 0.05)
N_DIMS, SEPARATION = 15, 8.0
DONOR_SHARE_SD, DONOR_MEAN_SD = 0.3, 0.1
CELLS_PER_DONOR = 300
N_PCS, N_GENES = 20, 2000
SIMULATION = "simulation"
REAL = {"onek1k": ("onek1k_subset.h5ad", None), "kang": ("kang_ifnb.h5ad", "ctrl")}


@dataclass(frozen=True)
class Setting:
    """One line of the tables."""

    data: str  #: simulation, onek1k or kang
    donors: int  #: per side
    shift: float = 0.0  #: sd along one axis, every subpopulation in a direction of its own
    change: float = 0.0  #: log2; the two largest subpopulations exchange their shares


class Case(NamedTuple):
    """Cells of two conditions."""

    points: tuple[np.ndarray, np.ndarray]
    donors: tuple[np.ndarray, np.ndarray]
    labels: tuple[np.ndarray, np.ndarray]  #: true subpopulation, whole numbers
    log2_net: np.ndarray  #: (n_labels,) of the shares that donors were drawn with


def draw(
    setting: Setting, seed: int, *, cells_per_donor: int = CELLS_PER_DONOR, data: Path = DATA
) -> Case:
    """Draw a case.

    Parameters
    ----------
    setting
        What to draw.
    seed
        Of the replicate; the simulated geometry and donors are the same at every shift.
    cells_per_donor
        Of the simulation.
    data
        Folder of the shared data.

    Returns
    -------
    Case
    """
    if setting.data == SIMULATION:
        return _simulated(setting, seed, cells_per_donor)
    return _split(setting, seed, data)


def _simulated(setting: Setting, seed: int, cells_per_donor: int) -> Case:
    shares, change = np.array(SHARES), np.zeros(len(SHARES))
    if setting.change:
        # p and 2^L p change places, so that all others stay exactly as they are
        both, factor = shares[:2].sum(), 2.0**setting.change
        shares[:2] = both / (1 + factor), both * factor / (1 + factor)
        change[:2] = setting.change, -setting.change
    drawn = cg.simulate.points(
        n_components=len(shares),
        n_dims=N_DIMS,
        n_cells=setting.donors * cells_per_donor,
        n_donors=setting.donors,
        shares=list(shares),
        log2_change=list(change),
        shift=setting.shift,
        separation=SEPARATION,
        donor_share_sd=DONOR_SHARE_SD,
        donor_mean_sd=DONOR_MEAN_SD,
        random_state=seed,
    )
    source = drawn.condition == "source"
    return _sides(drawn.points, drawn.donor, drawn.component, source, ~source, change)


def _split(setting: Setting, seed: int, data: Path) -> Case:
    """Donors of one condition, dealt to two groups at random: all factors are one."""
    points, donors, labels = _embedded(setting.data, data)
    drawn = np.random.default_rng(seed).permutation(np.unique(donors))[: 2 * setting.donors]
    first, second = (
        np.isin(donors, part) for part in (drawn[: setting.donors], drawn[setting.donors :])
    )
    return _sides(points, donors, labels, first, second, np.zeros(labels.max() + 1))


def _sides(
    points: np.ndarray,
    donors: np.ndarray,
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    log2_net: np.ndarray,
) -> Case:
    (x0, x1), (d0, d1), (c0, c1) = (
        (values[first], values[second]) for values in (points, donors, labels)
    )
    return Case((x0, x1), (d0, d1), (c0, c1), log2_net)


@cache
def _embedded(name: str, data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal components, donors and labels of all cells of one condition."""
    file, condition = REAL[name]
    adata = ad.read_h5ad(data / file)
    if condition is not None:
        adata = adata[(adata.obs["condition"] == condition).to_numpy()].copy()
    embed(adata, N_PCS)
    labels = np.unique(adata.obs["cell_type"].astype(str), return_inverse=True)[1]
    points = np.asarray(adata.obsm["X_pca"], np.float32)
    return points, adata.obs["donor"].astype(str).to_numpy(object), labels


def embed(adata: ad.AnnData, n_pcs: int) -> None:
    """Normalise, logarithm, variable genes, principal components, in place."""
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    if adata.n_vars > N_GENES:
        sc.pp.highly_variable_genes(adata, n_top_genes=N_GENES)
    sc.pp.pca(adata, n_comps=n_pcs, random_state=0)
