#!/usr/bin/env bash
# Find: The p of the moderated F test of inmoose's limma port ignores the residual degrees of freedom: it is the p of
#   a chi-squared test, and far too small with few samples.
# Versions: inmoose 0.9.1, limma-py 0.1.0, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Two ports of limma give the same p values to six digits, of t and of F.
# Seen: p of t agree to 1e-14. p of F do not: at F = 20.3 with 2 and 9.8 degrees of freedom limma-py and scipy give
#   3.3e-4, inmoose 1.5e-9. Three groups of three without effect: inmoose calls 11.8 % of 2,000 genes at 0.05, limma-
#   py 5.9 %.
# Why: The F statistic is the same in both; inmoose takes its second degrees of freedom as infinite.
# For cgmm: cgmm has its own moderated t and uses no F of a port. Do not take inmoose's F_p_value for more than two
#   groups.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'inmoose==0.9.1' 'limma-py==0.1.0' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: inmoose 0.9.1, limma-py 0.1.0, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import numpy as np
import pandas as pd
from inmoose import limma
import limma_py
from scipy import stats

rng = np.random.default_rng(0)
genes = [f"g{i}" for i in range(2000)]
names = [f"s{i}" for i in range(9)]
spread = np.sqrt(6 / rng.chisquare(6, len(genes)))[:, None]
values = pd.DataFrame(rng.normal(size=(len(genes), 9)) * spread, index=genes, columns=names)
group = np.repeat([0, 1, 2], 3)
# no intercept and no true means: the F of all coefficients is the test of no effect anywhere
design = pd.DataFrame({f"group{k}": (group == k).astype(float) for k in range(3)}, index=names)
one = limma.eBayes(limma.lmFit(values, design=design))
two = limma_py.eBayes(limma_py.lmFit(values, design))
t_apart = np.abs(np.asarray(one.p_value) - np.asarray(two["p_value"])).max()
f_stat, df = np.asarray(one.F), np.asarray(one.df_total)
by_f, by_chi2 = stats.f.sf(f_stat, 3, df), stats.chi2.sf(3 * f_stat, 3)
p = {"inmoose": np.asarray(one.F_p_value), "limma-py": np.asarray(two["F_p_value"])}
called = {name: float((value < 0.05).mean()) for name, value in p.items()}
print("p of t differ by", t_apart, "df:", df[0], "share of F p < 0.05 without effect:", called)
print("smallest p:", {name: float(value.min()) for name, value in p.items()})
assert t_apart < 1e-9
assert np.allclose(p["limma-py"], by_f, rtol=1e-6), "limma-py: F distribution"
assert np.allclose(p["inmoose"], by_chi2, rtol=1e-6), "inmoose: no longer the chi-squared distribution"
assert called["limma-py"] < 0.065 < called["inmoose"]
PY
