#!/usr/bin/env bash
# Find: A Dask array with sparse (CSR) blocks can't be summed or averaged: it is built without complaint, and
#   compute() or the call itself fails.
# Versions: dask 2026.8.0, numpy 2.4.6, scipy 1.17.1
# Python: 3.11 or newer
# Guess: sum(axis=0) of such an array gives the right numbers, at most as a matrix of one row.
# Seen: sum: TypeError (unexpected keyword argument 'keepdims'); mean: IndexError; max: TypeError. Selection of rows
#   and columns, log1p and division by a number work. The same with csr_array and with numpy 2.5, scipy 1.18.
# Why: Dask calls the reduction of the block with keepdims, which scipy's sparse classes do not take; it has its own
#   reductions for the package sparse, not for scipy.sparse. Lazily read AnnData objects give exactly such arrays.
# For cgmm: The preparation of cgmm leaves sums over such arrays to scanpy, which adds block by block. In your own
#   code do so with map_blocks.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'dask==2026.8.0' 'numpy==2.4.6' 'scipy==1.17.1' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: dask 2026.8.0, numpy 2.4.6, scipy 1.17.1"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import dask
import dask.array as da
import numpy as np
import scipy.sparse

whole = scipy.sparse.random(60, 8, density=0.3, random_state=0, format="csr")
seen = {}
for kind in (scipy.sparse.csr_matrix, scipy.sparse.csr_array):
    blocks = [kind(whole[i : i + 20]) for i in (0, 20, 40)]
    array = da.concatenate([da.from_delayed(dask.delayed(b), b.shape, meta=kind((0, 8))) for b in blocks])
    rows = array[[50, 3]].compute()
    assert np.array_equal(rows.toarray(), whole[[50, 3]].toarray()), "selection of rows"
    for name in ("sum", "mean", "max"):
        try:
            result = getattr(array, name)(axis=0).compute()
            seen[kind.__name__, name] = f"works: {type(result).__name__}"
        except (TypeError, IndexError) as error:
            seen[kind.__name__, name] = f"{type(error).__name__}: {error}"
print(*(f"{key}: {value}" for key, value in seen.items()), sep="\n")
assert not [value for value in seen.values() if value.startswith("works")], "a reduction works now"
PY
