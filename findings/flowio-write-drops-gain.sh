#!/usr/bin/env bash
# Find: FlowData.write_fcs of FlowIO without metadata drops gain and time step: the same values come back multiplied
#   by the gain and in other units of time.
# Versions: flowio 1.4.0, numpy 2.4.6
# Python: 3.11 or newer
# Guess: Read, write, read gives the same events.
# Seen: A channel with $PnG 2 and a Time channel with $TIMESTEP 0.01: read as (-10, 150) and (0.03, 0.04) s; after
#   write_fcs and reading again (-20, 300) and (3, 4).
# Why: write_fcs writes the raw values, and of the text of the file only what its argument metadata holds; gain
#   becomes 1 and the time step is left out. With metadata=data.text the values come back.
# For cgmm: cgmm applies gain and time step of the file. A file that was rewritten without them differs from its
#   source by that factor: write with metadata=data.text.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'flowio==1.4.0' 'numpy==2.4.6' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: flowio 1.4.0, numpy 2.4.6"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import flowio
import numpy as np

events = np.array([[-20.0, 3.0], [300.0, 4.0]])
with open("source.fcs", "wb") as handle:
    flowio.create_fcs(handle, events.ravel().tolist(), ["CD4", "Time"], metadata_dict={"p1g": "2.0", "timestep": "0.01"})
source = flowio.FlowData("source.fcs")
source.write_fcs("plain.fcs")
source.write_fcs("with_text.fcs", metadata=source.text)
read = {name: flowio.FlowData(f"{name}.fcs").as_array() for name in ("source", "plain", "with_text")}
for name, array in read.items():
    print(name, np.round(array, 4).tolist())
assert np.allclose(read["source"], [[-10, 0.03], [150, 0.04]])
assert np.allclose(read["with_text"], read["source"])
assert np.allclose(read["plain"], events), "gain and time step are no longer dropped"
PY
