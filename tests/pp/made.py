"""Small samples in files, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata.io import read_elem, write_elem

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import InputError, Sample, check_samples

GENES = [f"GENE{i:03d}" for i in range(60)]


def small(n_cells: int = 40, *, genes: list[str] = GENES, seed: int = 0) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    values = rng.poisson(1.5, size=(n_cells, len(genes))).astype(np.float32)
    return ad.AnnData(
        X=sp.csr_matrix(values),
        obs=pd.DataFrame(
            {"library": np.where(np.arange(n_cells) % 2, "L1", "L2").astype(object)},
            index=pd.Index([f"cell{i}-1" for i in range(n_cells)], dtype=object),
        ),
        var=pd.DataFrame(index=pd.Index(genes, dtype=object)),
    )


def saved(folder: Path, name: str, adata: ad.AnnData, **fields: str) -> Sample:
    path = folder / f"{name}.h5ad"
    write_h5ad(adata, path)
    return Sample(**{"sample": name, "path": str(path), "condition": f"condition {name}", **fields})


def problems(samples: list[Sample], **options: object) -> str:
    with pytest.raises(InputError) as caught:
        check_samples(samples, **options)
    assert len(caught.value.problems) >= 1
    assert all(p.rstrip().endswith((".", ")")) for p in caught.value.problems)
    return str(caught.value)


def changed(sample: Sample, change: object) -> Sample:
    with h5py.File(sample.path, "a") as file:
        matrix = read_elem(file["X"])
        del file["X"]
        write_elem(file, "X", change(matrix))
    return sample
