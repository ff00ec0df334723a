#!/usr/bin/env bash
# Find: decoupler's ora takes all genes but the lowest n_up as selected, where its text says the n_up highest: with
#   its default settings most sets are significant in pure noise.
# Versions: decoupler 2.2.0, pandas 2.3.3, anndata 0.12.19
# Python: 3.11 or newer
# Guess: Not written down before the run; what was expected: Over-representation of the highest 5 % calls at most 5 % of the sets in noise, and finds a set whose genes
#   are all at the top.
# Seen: Noise in 1,000 genes: all of 50 sets have an adjusted p < 0.05; in 15,000 genes 71 % of 300 sets had. With
#   n_up=50 and the background of the measured genes (n_bg=None), the set with the 20 highest genes has p = 1.0, and
#   with n_up=950 it has p = 7e-27.
# Why: Genes are ranked from low to high and those with a rank above n_up are kept, 950 of 1,000. Against the default
#   background of 20,000 genes, of which most were not measured, that selection makes every set look enriched.
#   Corrected in 2.3.1, which needs Python 3.12; pip on 3.11 still installs 2.2.0.
# For cgmm: cgmm tests gene sets over donors (cg.tl.gene_sets). Who takes its genes to decoupler: 2.3.1, n_bg=None;
#   results of ora from 2.2.0 are to be made anew.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'decoupler==2.2.0' 'pandas==2.3.3' 'anndata==0.12.19' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: decoupler 2.2.0, pandas 2.3.3, anndata 0.12.19"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import warnings

import decoupler
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
rng = np.random.default_rng(0)
genes = [f"g{i}" for i in range(1000)]
sets = pd.DataFrame({"source": np.repeat([f"set{j}" for j in range(50)], 20), "target": genes})
noise = pd.DataFrame([rng.normal(size=1000)], columns=genes, index=["contrast"])
high = noise.copy()
high.iloc[0, :20] += 20


def p_of(values: pd.DataFrame, **choices: int | None) -> pd.Series:
    """Adjusted p of every set."""
    return decoupler.mt.ora(values, sets, tmin=5, verbose=False, **choices)[1].loc["contrast"]


called = float((p_of(noise) < 0.05).mean())
as_documented = float(p_of(high, n_up=50, n_bg=None)["set0"])
turned_round = float(p_of(high, n_up=950, n_bg=None)["set0"])
print("noise, defaults: share of sets called", called)
print("set of the 20 highest genes: n_up=50:", as_documented, "n_up=950:", turned_round)
assert called > 0.9, "noise is no longer called"
assert as_documented > 0.5, "n_up=50 finds the set at the top"
assert turned_round < 1e-10
PY
