#!/usr/bin/env bash
# Find: readfcs gives the channel numbers of an FCS channel with a logarithmic amplifier ($PnE 4,1) as they are
#   stored: one decade of light is 256 steps, where FlowIO gives the linear values.
# Versions: readfcs 2.1.1, flowio 1.4.0, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Written down before the run: the values come back linear, 10 to the power of 4 x / 1024, as FlowIO gives
#   them.
# Seen: For stored numbers 0, 256, 512, 768 of a range of 1024 FlowIO gives 1, 10, 100, 1000; readfcs gives 0, 256,
#   512, 768. $PnE stands in var, so a caller can still scale.
# Why: The FCS standard leaves the conversion to the reader. FlowIO does it unless told not to; readfcs hands over the
#   stored numbers and keeps the keyword.
# For cgmm: cgmm reads FCS with FlowIO, so its values are linear and the cofactor of its arcsinh means the same in old
#   and new files. A h5ad that was made with readfcs from files with $PnE other than 0,0 holds numbers that are
#   logarithms already: scale them before an arcsinh.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'readfcs==2.1.1' 'flowio==1.4.0' 'anndata==0.12.19' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: readfcs 2.1.1, flowio 1.4.0, anndata 0.12.19, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import flowio
import numpy as np
import readfcs

stored = np.column_stack([[0, 256, 512, 768], [0, 256, 512, 768]]).astype(">u2")
keys = {
    "$BEGINANALYSIS": "0", "$ENDANALYSIS": "0", "$BEGINSTEXT": "0", "$ENDSTEXT": "0",
    "$BYTEORD": "2,1", "$DATATYPE": "I", "$MODE": "L", "$NEXTDATA": "0", "$PAR": "2", "$TOT": "4",
    "$P1B": "16", "$P1E": "0,0", "$P1N": "FSC-H", "$P1R": "1024",
    "$P2B": "16", "$P2E": "4,1", "$P2N": "FL1-H", "$P2R": "1024", "$P2S": "CD3",
    "$BEGINDATA": "0" * 8, "$ENDDATA": "0" * 8,
}
values = stored.tobytes()
size = sum(len(k) + len(v) + 2 for k, v in keys.items()) + 1
begin = 58 + size
end = begin + len(values) - 1
keys |= {"$BEGINDATA": f"{begin:08d}", "$ENDDATA": f"{end:08d}"}
text = "|" + "".join(f"{k}|{v}|" for k, v in keys.items())
head = "FCS3.0    " + "".join(f"{n:8d}" for n in (58, begin - 1, begin, end, 0, 0))
with open("amplified.fcs", "wb") as file:
    file.write((head + text).encode() + values)

linear = flowio.FlowData("amplified.fcs").as_array()
read = readfcs.read("amplified.fcs")
print("stored: ", stored[:, 1].tolist())
print("FlowIO: ", linear[:, 1].round(3).tolist())
print("readfcs:", read.X[:, 1].tolist(), "PnE:", read.var["PnE"].tolist())
assert np.allclose(linear[:, 1], 10 ** (4 * stored[:, 1] / 1024)), "FlowIO no longer scales"
assert np.allclose(linear[:, 0], stored[:, 0])
assert np.array_equal(read.X[:, 1], stored[:, 1]), "readfcs no longer gives the stored numbers"
PY
