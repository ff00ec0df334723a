#!/usr/bin/env bash
# Find: A slice with negative bounds of a backed AnnData object with CSR values gives the values of other cells: names
#   and obs are right, X is shifted by one row, and nothing is said.
# Versions: anndata 0.12.19, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Not written down before the run; what was expected: backed[-5:-2] gives the same cells as the object in memory.
# Seen: backed[-5:-2].to_memory() has the names of cells 25, 26, 27 of 30 and the values of cells 26, 27, 28.
#   backed[-3:] raises ValueError ('index pointer size 3 should be 4').
# Why: The bounds are used as they are on the array of row starts, which has one entry more than there are rows, so
#   that counting from its end is off by one. Lists of negative numbers and slices from the front are right. The same
#   in anndata 0.13.4.
# For cgmm: cgmm reads rows of files with code of its own, never by a backed object. In your own code use slices
#   without negative bounds on backed objects.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'anndata==0.12.19' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: anndata 0.12.19, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import anndata
import numpy as np
import pandas as pd
import scipy.sparse

values = scipy.sparse.csr_matrix(np.arange(1, 31, dtype="float32")[:, None])
names = [f"cell{i}" for i in range(30)]
whole = anndata.AnnData(values, obs=pd.DataFrame({"number": np.arange(1, 31)}, index=names))
whole.write_h5ad("cells.h5ad")
backed = anndata.read_h5ad("cells.h5ad", backed="r")
front = backed[25:28].to_memory()
assert front.X.toarray().ravel().tolist() == [26, 27, 28], "slices from the front are right"
part = backed[-5:-2].to_memory()
print("names:", part.obs_names.tolist(), "numbers in obs:", part.obs["number"].tolist(), "values:", part.X.toarray().ravel())
assert part.obs["number"].tolist() == [26, 27, 28]
assert part.X.toarray().ravel().tolist() == [27, 28, 29], "the values are no longer those of the next cells"
try:
    last = backed[-3:].to_memory()
except ValueError as error:
    print("backed[-3:]:", error)
else:
    raise SystemExit(f"backed[-3:] gives {last.X.toarray().ravel()}")
PY
