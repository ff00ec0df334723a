#!/usr/bin/env bash
# Find: A column of nullable integers, booleans or strings can be written to h5ad; a column of nullable floats cannot.
# Versions: anndata 0.12.19, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Not written down before the run; what was expected: The four nullable types of pandas are written and read back alike.
# Seen: Int64 and boolean come back; Float64 raises IORegistryError ('No method registered for writing ...
#   FloatingArray'). The same in 0.13.4 with pandas 3.
# Why: The h5ad format has an encoding for nullable integers, booleans and (newer) strings, and none for nullable
#   floats. pandas' convert_dtypes() makes such columns of any float column with a missing value.
# For cgmm: Before writing cells for cgmm, turn such columns (age, dose) into plain floats: obs[c].astype('float64').
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

age = pd.DataFrame({"age": [31.5, None, 40.0]}, index=list("abc")).convert_dtypes()
assert str(age["age"].dtype) == "Float64"
whole = pd.DataFrame({"n": pd.array([1, None, 3], "Int64"), "b": pd.array([True, None, False], "boolean")}, index=list("abc"))
anndata.AnnData(np.ones((3, 1), "float32"), obs=whole).write_h5ad("whole.h5ad")
print("read back:", anndata.read_h5ad("whole.h5ad").obs.dtypes.astype(str).to_dict())
try:
    anndata.AnnData(np.ones((3, 1), "float32"), obs=age).write_h5ad("age.h5ad")
except Exception as error:
    print(type(error).__name__, str(error)[:90])
    assert type(error).__name__ == "IORegistryError"
else:
    raise SystemExit("Float64 was written")
PY
