"""Files that hdf5plugin compressed hold what the others hold."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import pytest

from cgmm.pp import Sample, check_samples, join_samples, prepare_lazily
from tests.pp.made import small


def compress(file: h5py.File, compression: object) -> None:
    """Compress every array of numbers (blosc of hdf5plugin 7.1 crashes on text)."""
    found: list[str] = []
    file.visititems(lambda name, node: found.append(name) if is_numbers(node) else None)
    for name in found:
        values, attributes = file[name][()], dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, data=values, compression=compression).attrs.update(attributes)


def is_numbers(node: object) -> bool:
    return isinstance(node, h5py.Dataset) and node.shape != () and node.dtype.kind in "fiu"


@pytest.mark.parametrize("name", ["zstd", "blosc", "lz4"])
def test_a_compressed_file_is_read_in_memory_and_in_blocks(tmp_path: Path, name: str) -> None:
    hdf5plugin = pytest.importorskip("hdf5plugin")
    adata = small()
    adata.layers["dense"] = adata.X.toarray()
    adata.write_h5ad(tmp_path / "plain.h5ad")
    adata.write_h5ad(tmp_path / "packed.h5ad")
    with h5py.File(tmp_path / "packed.h5ad", "a") as file:
        compress(file, hdf5plugin.FILTERS[name])
    found = {}
    for stem in ("plain", "packed"):
        sample = Sample(
            sample="x",
            path=str(tmp_path / f"{stem}.h5ad"),
            condition="c",
            obs_column="library",
            obs_value="L1",
        )
        check_samples([sample])
        joined = join_samples([sample], counts_layer="dense")
        if name == "zstd":
            pytest.importorskip("dask")
            prepare_lazily([sample], tmp_path / "p.h5ad", min_genes=1, min_cells=1)
            joined.layers["blocks"] = ad.read_h5ad(tmp_path / "p.h5ad").X
        found[stem] = joined
    plain, packed = found.values()
    assert (plain.X != packed.X).nnz == 0
    for layer in plain.layers:
        if layer is not None:
            assert (plain.layers[layer] != packed.layers[layer]).nnz == 0
    assert plain.obs.equals(packed.obs)
