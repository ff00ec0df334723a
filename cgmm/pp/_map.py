"""A map of the cells in two dimensions, for display."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._utils.neighbours import fuzzy_graph, nearest
from cgmm.pp._samples import InputError

UMAP = "X_umap"
UMAP_STEPS = 200
MIN_DISTANCE = 0.5  # of scanpy, where umap has 0.1
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
    places = np.full((adata.n_obs, 2), np.nan, dtype=np.float32)
    places[drawn] = _places(points, graph, random_state)
    adata.obsm[UMAP] = places
    return len(drawn)


def _places(points: np.ndarray, graph: sp.csr_matrix, random_state: int) -> np.ndarray:
    """Return what ``scanpy.tl.umap`` gives, (n_cells, 2), without the second that scanpy loads."""
    from sklearn.utils import check_random_state

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed")
        from umap.umap_ import find_ab_params, simplicial_set_embedding

    a, b = find_ab_params(1.0, MIN_DISTANCE)
    places, _ = simplicial_set_embedding(
        data=points,
        graph=graph.tocoo(),
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=UMAP_STEPS,
        init="spectral",
        random_state=check_random_state(random_state),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        verbose=False,
    )
    return np.asarray(places, dtype=np.float32)


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
