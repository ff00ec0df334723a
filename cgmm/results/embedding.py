"""The cells of an embedded dataset, as a fit needs them: many cells stay on disk."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
from anndata.io import read_elem

from cgmm._anndata.keys import FEATURES

MAX_CELLS = 2_000_000  # whose points are read into memory
ROWS = 65_536  # of a block that is read at once


def read_embedding(path: Path | str, use_rep: str) -> ad.AnnData:
    """Read what a fit needs of an embedded dataset.

    Parameters
    ----------
    path
        The file ``embedding.h5ad``.
    use_rep
        Entry of ``obsm`` that is fitted.

    Returns
    -------
    AnnData
        The object; of more than ``MAX_CELLS`` cells only ``obs`` and, as a Dask array of blocks on
        disk, the entry of ``obsm``.
    """
    file = h5py.File(path)
    points = None if use_rep == FEATURES else file["obsm"][use_rep]
    if points is None or points.shape[0] <= MAX_CELLS:
        file.close()
        return ad.read_h5ad(path)
    from anndata.experimental import read_elem_lazy

    stored = points.chunks[0] if points.chunks else 1
    rows = -(-ROWS // stored) * stored  # no stored chunk is read for two blocks
    lazy = read_elem_lazy(points, chunks=(min(rows, points.shape[0]), points.shape[1]))
    return ad.AnnData(obs=read_elem(file["obs"]), obsm={use_rep: lazy})
