"""A map of the cells in two dimensions, for display."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc

from cgmm._utils.neighbours import fuzzy_graph, nearest
from cgmm.pp._samples import InputError

UMAP = "X_umap"
UMAP_STEPS = 200
MAP_CELLS = 50_000  # above, that many are drawn for the map


def display_map(
    adata: ad.AnnData, *, use_rep: str, n_dims: int, n_neighbors: int = 15, random_state: int = 0
) -> int:
    """Make a UMAP, for figures only, of at most ``MAP_CELLS`` cells.

    Parameters
    ----------
    adata
        Object with the representation; gains ``obsm["X_umap"]``, NaN for cells that were not drawn.
    use_rep, n_dims
        The representation, and how many of its leading dimensions count.
    n_neighbors
        Exact neighbours of each cell.
    random_state
        Seed of the draw and of the map.

    Returns
    -------
    How many cells are on the map. Of every sample the same share of cells is drawn.
    """
    if adata.n_obs < 10:
        msg = f"{adata.n_obs} cells are too few. Give more cells, or lower the qc limits."
        raise InputError(msg)
    drawn = _draw(adata.obs.get("sample"), adata.n_obs, random_state)
    points = np.ascontiguousarray(adata.obsm[use_rep][drawn, :n_dims], dtype=np.float32)
    graph = fuzzy_graph(*nearest(points, min(n_neighbors, len(points) - 1)))
    cells = ad.AnnData(obs=pd.DataFrame(index=pd.RangeIndex(len(points)).astype(str)))
    cells.obsm[use_rep] = points
    cells.obsp["connectivities"] = graph
    cells.uns["neighbors"] = {
        "connectivities_key": "connectivities",
        "distances_key": "distances",
        "params": {"method": "umap", "use_rep": use_rep},
    }
    sc.tl.umap(cells, maxiter=UMAP_STEPS, random_state=random_state)
    places = np.full((adata.n_obs, 2), np.nan, dtype=np.float32)
    places[drawn] = cells.obsm[UMAP]
    adata.obsm[UMAP] = places
    return len(drawn)


def _draw(sample: pd.Series | None, n_cells: int, random_state: int) -> np.ndarray:
    """Draw ``MAP_CELLS`` cells, the same share of each sample; all when they are fewer."""
    if n_cells <= MAP_CELLS:
        return np.arange(n_cells)
    order = np.random.default_rng(random_state).permutation(n_cells)
    if sample is None:
        return np.sort(order[:MAP_CELLS])
    names = sample.astype(str).to_numpy(object)
    shuffled = pd.Series(names[order])
    # rank of a cell within its sample, as a share of the sample
    share = shuffled.groupby(shuffled).cumcount() / shuffled.map(shuffled.value_counts())
    return np.sort(order[np.argsort(share.to_numpy(), kind="stable")[:MAP_CELLS]])
