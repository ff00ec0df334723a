#!/usr/bin/env bash
# Find: AnnData.write_loom of anndata 0.13.4 fails for every object, with or without layers; 0.12 writes the same
#   object.
# Versions: anndata 0.13.4, loompy 3.0.8
# Python: 3.12 or newer
# Guess: write_loom still works in 0.13, deprecated at most, as in 0.12.19.
# Seen: AttributeError: 'NoneType' object has no attribute 'startswith'.
# Why: In 0.13 the layers of an object list X itself, under the name None, and the writer hands every name to loompy.
# For cgmm: cgmm reads loom files and writes none. To hand cells on as loom, write with anndata 0.12.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' || { echo "needs Python 3.12 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'anndata==0.13.4' 'loompy==3.0.8' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: anndata 0.13.4, loompy 3.0.8"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import warnings

import anndata
import numpy as np

warnings.filterwarnings("ignore")
cells = anndata.AnnData(np.ones((4, 3), "float32"))
try:
    cells.write_loom("cells.loom")
except AttributeError as error:
    print("AttributeError:", error)
    assert "startswith" in str(error)
else:
    raise SystemExit("write_loom wrote a file")
print("names of the layers:", list(cells.layers.keys()))
PY
