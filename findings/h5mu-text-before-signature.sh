#!/usr/bin/env bash
# Find: A .h5mu file does not begin with the HDF5 signature: 512 bytes of text come first.
# Versions: mudata 0.3.10, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Every HDF5 file begins with the bytes 89 48 44 46, so a look at the first eight bytes tells an HDF5 file.
# Seen: The file begins with 'MuData (format-version=...'; the signature stands at byte 512, and h5py opens the file.
# Why: HDF5 allows a block before the signature, at 512, 1024, 2048 ... bytes, and mudata uses it to name its format.
# For cgmm: The check of a sample sheet looks at these places too. Other tools that look at the first bytes take such
#   a file for damaged: h5py.is_hdf5 tells.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'mudata==0.3.10' 'anndata==0.12.19' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: mudata 0.3.10, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import anndata
import h5py
import mudata
import numpy as np

mudata.set_options(pull_on_update=False)
cells = anndata.AnnData(np.ones((4, 3), "float32"))
mudata.MuData({"rna": cells}).write("cells.h5mu")
start = open("cells.h5mu", "rb").read(1024)
signature = bytes([0x89]) + b"HDF"
print(start[:60], "signature at byte", start.find(signature), "h5py opens it:", h5py.is_hdf5("cells.h5mu"))
assert h5py.is_hdf5("cells.h5mu")
assert start.startswith(b"MuData") and start.find(signature) == 512, "the block of text is gone"
PY
