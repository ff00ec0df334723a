#!/usr/bin/env bash
# Find: A sparse X that is read lazily and written again comes back with 64-bit column numbers: the file is half as large again, in memory and on disk without compression.
# Versions: anndata 0.12.19, dask 2026.8.0, numpy 2.4.6, scipy 1.17.1, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Not written down before the run; what was expected: Reading with read_elem_lazy and writing again gives the file that a round trip through memory gives.
# Seen: 20,000 x 2,000 values, a twentieth filled: 17.0 MB with 32-bit indices through memory; 25.2 MB with 64-bit
#   indices from a Dask array, in one chunk or in four; they stay 64-bit when read. The same in 0.13.4.
# Why: The writer of Dask arrays makes the column numbers 64-bit together with the ends of the rows, before it knows how
#   many values follow. Only the ends of the rows can need it.
# For cgmm: cgmm writes values on disk itself (`cgmm._utils.compressed_rows`), with 32-bit indices. A file that was
#   written from a Dask array by anndata shrinks by a third when it is read into memory and written once more.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'anndata==0.12.19' 'dask==2026.8.0' 'numpy==2.4.6' 'scipy==1.17.1' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: anndata 0.12.19, dask 2026.8.0, numpy 2.4.6, scipy 1.17.1, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import scipy.sparse as sp
from anndata.experimental import read_elem_lazy

matrix = sp.random(20_000, 2_000, 0.05, format="csr", dtype=np.float32, random_state=0)
ad.AnnData(matrix).write_h5ad("first.h5ad")
ad.read_h5ad("first.h5ad").write_h5ad("memory.h5ad")
with h5py.File("first.h5ad") as file:
    for rows in (20_000, 5_000):
        lazy = ad.AnnData(read_elem_lazy(file["X"], chunks=(rows, 2_000)))
        lazy.write_h5ad(f"lazy-{rows}.h5ad")
kinds, sizes = {}, {}
for name in ("memory", "lazy-20000", "lazy-5000"):
    with h5py.File(f"{name}.h5ad") as file:
        kinds[name] = str(file["X/indices"].dtype)
    sizes[name] = Path(f"{name}.h5ad").stat().st_size
    print(f"{name}: indices {kinds[name]}, {sizes[name] / 1e6:.1f} MB, "
          f"read back: {ad.read_h5ad(f'{name}.h5ad').X.indices.dtype}")
assert kinds["memory"] == "int32" and kinds["lazy-5000"] == "int64"
assert sizes["lazy-5000"] > 1.4 * sizes["memory"]
PY
