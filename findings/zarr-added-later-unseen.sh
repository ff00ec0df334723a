#!/usr/bin/env bash
# Find: A column or layer that is written into an AnnData zarr after its first write, with anndata's own write_elem,
#   is in the store, and read_zarr does not see it.
# Versions: anndata 0.12.19, zarr 3.1.6, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: write_elem into the opened store adds the column and the layer; read_zarr shows them.
# Seen: write_elem refuses a group that zarr.open_group opened in the ordinary way ('Cannot overwrite/edit a store
#   with consolidated metadata'). Opened with use_consolidated=False it writes, and read_zarr gives the old columns
#   and no layer, without a message; after zarr.consolidate_metadata it gives the new ones.
# Why: write_zarr leaves one file with the metadata of the whole store; read_zarr lists columns and layers from this
#   file, which write_elem does not renew.
# For cgmm: cgmm reads zarr folders with anndata, so it sees what this file lists: after adding conditions or donors
#   to a store run zarr.consolidate_metadata(path), or write it anew.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'anndata==0.12.19' 'zarr==3.1.6' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: anndata 0.12.19, zarr 3.1.6, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import anndata
import numpy as np
import pandas as pd
import zarr

names = list("abcde")
anndata.AnnData(np.ones((5, 3), "float32"), obs=pd.DataFrame({"donor": range(5)}, index=names)).write_zarr("cells.zarr")


def seen() -> tuple[list[str], list[str]]:
    """Return columns and layers that read_zarr gives."""
    cells = anndata.read_zarr("cells.zarr")
    return list(cells.obs), list(cells.layers)


both = pd.DataFrame({"donor": range(5), "condition": range(5)}, index=names)
try:
    anndata.io.write_elem(zarr.open_group("cells.zarr", mode="a"), "obs", both)
except ValueError as error:
    print("opened in the ordinary way:", error)
else:
    raise SystemExit("written to a store with consolidated metadata")
store = zarr.open_group("cells.zarr", mode="a", use_consolidated=False)
anndata.io.write_elem(store, "obs", both)
anndata.io.write_elem(store, "layers/counts", np.ones((5, 3)))
print("in the store:", sorted(store["obs"].keys()), sorted(store["layers"].keys()))
before = seen()
zarr.consolidate_metadata("cells.zarr")
after = seen()
print("read before consolidating:", before, "after:", after)
assert "condition" in store["obs"], "written"
assert before == (["donor"], []), "read_zarr sees what was added"
assert after == (["donor", "condition"], ["counts"])
PY
