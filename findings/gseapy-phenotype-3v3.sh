#!/usr/bin/env bash
# Find: With three samples against three, the phenotype permutation of gseapy cannot give a nominal p below about 0.1,
#   however strong the set.
# Versions: gseapy 1.3.1, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Twenty ways to divide six samples: the smallest p is about 1/20 = 0.05.
# Seen: Two sets of 20 genes, one 6 standard deviations up, one as much down: nominal p 0.12, FDR 1.0 and 0.70. No p
#   of any set is below 0.11.
# Why: The p counts only permutations whose score has the same sign. The exchanged labels give the opposite sign, so
#   about ten of the twenty divisions remain: the smallest p is 1/10. More permutations do not help.
# For cgmm: cgmm tests gene sets over donors (cg.tl.gene_sets); gseapy needs four donors on each side for a p below
#   0.05, or another test.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'gseapy==1.3.1' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: gseapy 1.3.1, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import logging
import warnings

import gseapy
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
rng = np.random.default_rng(0)
genes = [f"g{i}" for i in range(1000)]
sets = {f"set{j}": genes[20 * j : 20 * j + 20] for j in range(50)}
values = rng.normal(10, 1, size=(1000, 6))
values[:20, 3:] += 6
values[20:40, 3:] -= 6
table = pd.DataFrame(values, index=genes, columns=["a1", "a2", "a3", "b1", "b2", "b3"])
found = gseapy.gsea(
    data=table, gene_sets=sets, cls=["a"] * 3 + ["b"] * 3, permutation_type="phenotype", permutation_num=1000,
    method="s2n", min_size=5, outdir=None, no_plot=True, seed=1, threads=1,
).res2d.set_index("Term")[["ES", "NOM p-val", "FDR q-val"]].astype(float)
print(found.loc[["set0", "set1"]], "\nsmallest p:", found["NOM p-val"].min())
assert found.loc[["set0", "set1"], "ES"].abs().min() > 0.99, "the two sets are at the ends"
assert found["NOM p-val"].min() > 0.07, "a p below 0.07"
assert found.loc[["set0", "set1"], "FDR q-val"].min() > 0.5, "a strong set has a small FDR"
PY
