#!/usr/bin/env bash
# Find: harmonypy 2 turned its result round and changed the arguments of its class, and what calls it has no upper
#   bound: scanpy 1.11 and pyLemur 0.3 install with it, and both fail.
# Versions: scanpy 1.11.5, pyLemur 0.3.1, harmonypy 2.1.0, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: scanpy, written down before the run: external.pp.harmony_integrate works and gives a matrix of cells by
#   components. pyLemur: not written down; it was expected to work, and failed.
# Seen: scanpy: ValueError, the value for obsm has shape (10,) where (300,) is due. pyLemur's align_with_harmony:
#   TypeError, Harmony.__init__() takes 2 positional arguments but 15 were given.
# Why: Z_corr has cells in rows since harmonypy 2, and scanpy transposes it as before. pyLemur makes the object of the
#   class itself, as harmonypy 0.0.10 had it.
# For cgmm: cgmm does not integrate, so it needs no Harmony; its benchmark of peers pins harmonypy for each of them.
#   In an environment of your own with scanpy 1.11 or pyLemur pin harmonypy below 1.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'scanpy==1.11.5' 'pyLemur==0.3.1' 'harmonypy==2.1.0' 'anndata==0.12.19' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: scanpy 1.11.5, pyLemur 0.3.1, harmonypy 2.1.0, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import logging
import warnings

import anndata
import numpy as np
import pandas as pd
import pylemur
import scanpy

warnings.simplefilter("ignore")
logging.disable(logging.INFO)
rng = np.random.default_rng(0)
obs = pd.DataFrame({"condition": np.repeat(["a", "b"], 150)}, index=[f"cell{i}" for i in range(300)])
cells = anndata.AnnData(rng.normal(size=(300, 20)).astype("float32"), obs=obs)
scanpy.pp.pca(cells, n_comps=10)
try:
    scanpy.external.pp.harmony_integrate(cells, "condition")
except ValueError as error:
    print("scanpy:", error)
else:
    raise SystemExit("scanpy.external.pp.harmony_integrate works")
model = pylemur.tl.LEMUR(cells, design="~ condition", n_embedding=5)
model.fit(verbose=False)
try:
    model.align_with_harmony()
except TypeError as error:
    print("pyLemur:", error)
else:
    raise SystemExit("pyLemur's align_with_harmony works")
PY
