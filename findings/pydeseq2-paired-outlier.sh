#!/usr/bin/env bash
# Find: In a paired design PyDESeq2 neither flags nor replaces a single wild count; without pairs it does.
# Versions: pydeseq2 0.5.4, numpy 2.4.6, pandas 2.3.3
# Python: 3.11 or newer
# Guess: Cook's distance gives p = NaN for a gene in which one of six samples has 250 times the count, in both
#   designs.
# Seen: One sample at 5,000, the others at 20. Design ~ condition: p is NaN. Design ~ donor + condition: p is a number
#   (0.34 in the trial run), also with seven pairs, where the unpaired design replaces the count.
# Why: The distance is looked at only in samples with at least three replicates, that is, three equal rows of the
#   design. In a paired design every row is there once, so no sample is ever looked at.
# For cgmm: cgmm fits pairs with the donor in the design: one wild pseudobulk is not found by the test itself; look at
#   the counts per donor of a gene before you report it.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'pydeseq2==0.5.4' 'numpy==2.4.6' 'pandas==2.3.3' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: pydeseq2 0.5.4, numpy 2.4.6, pandas 2.3.3"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import contextlib
import io
import warnings

import numpy as np
import pandas as pd
from pydeseq2.dds import DeseqDataSet
from pydeseq2.default_inference import DefaultInference
from pydeseq2.ds import DeseqStats

warnings.filterwarnings("ignore")
ONE = DefaultInference(n_cpus=1)


def test(counts: pd.DataFrame, samples: pd.DataFrame, design: str) -> pd.DataFrame:
    """The table of PyDESeq2 for condition b against a."""
    with contextlib.redirect_stdout(io.StringIO()):
        data = DeseqDataSet(counts=counts, metadata=samples, design=design, inference=ONE, quiet=True)
        data.deseq2()
        stats = DeseqStats(data, contrast=["condition", "b", "a"], inference=ONE, quiet=True)
        stats.summary()
    return stats.results_df


def null_counts(seed: int, mean: np.ndarray, donor_sd: float, dispersion: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three donors, each in both conditions, with donor effects and without any effect of condition."""
    rng = np.random.default_rng(seed)
    donors = np.exp(rng.normal(0, donor_sd, (3, len(mean))))
    expected = np.vstack([donors, donors]) * mean
    counts = rng.poisson(rng.gamma(1 / dispersion, dispersion, expected.shape) * expected)
    names = [f"{c}{d}" for c in "ab" for d in (1, 2, 3)]
    samples = pd.DataFrame({"condition": [n[0] for n in names], "donor": ["d" + n[1] for n in names]}, index=names)
    return pd.DataFrame(counts, index=names, columns=[f"g{i}" for i in range(len(mean))]), samples


mean = np.exp(np.random.default_rng(0).normal(3, 1.5, 800))
counts, samples = null_counts(5, mean, 0.0, 0.1)
counts["wild"] = 20
counts.loc["a1", "wild"] = 5000
p = {design: test(counts, samples, design).loc["wild", "pvalue"] for design in ("~condition", "~donor + condition")}
print("p of the gene with one wild count:", p)
assert np.isnan(p["~condition"]), "unpaired: the gene is no longer flagged"
assert np.isfinite(p["~donor + condition"]), "paired: the gene is flagged now"
PY
