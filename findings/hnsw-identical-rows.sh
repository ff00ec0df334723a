#!/usr/bin/env bash
# Find: One row in ten that repeats the same values ruins HNSW neighbours of the other rows in usearch and faiss,
#   without a message.
# Versions: usearch 2.26.6, faiss-cpu 1.15.1, numpy 2.4.6
# Python: 3.11 or newer
# Guess: 500 identical rows among 5,000 cost little: recall of the 15 neighbours of the other rows stays above 0.9.
# Seen: Recall of the other rows falls from 1.00 to 0.56 (usearch) and from 0.99 to 0.35 (faiss) when the 500 rows are
#   spread at random. In a trial with the rows first: 0.16 and 0.33; hnswlib 0.8.0, which has to be compiled, 0.17.
# Why: Each identical row spends all its links on other identical rows (distance 0), so the clump is cut off from the
#   graph. A search that enters it does not leave it. Exact brute force and pynndescent are not affected.
# For cgmm: Cells without any counted gene of a panel, or negative events set to zero in cytometry, are such rows.
#   cgmm uses pynndescent; take no HNSW index in its place without dropping or jittering repeated rows.
# Exit status: 0 still so, 1 changed, 2 cannot be run here.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or newer: set PYTHON"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
  'usearch==2.26.6' 'faiss-cpu==1.15.1' 'numpy==2.4.6' >"$folder/pip.log" 2>&1 ||
  { echo "cannot install: usearch 2.26.6, faiss-cpu 1.15.1, numpy 2.4.6"; exit 2; }
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import faiss
import numpy as np
from usearch.index import Index

N, DIMS, REPEATED, K = 5000, 20, 500, 15
rng = np.random.default_rng(0)
faiss.omp_set_num_threads(1)


def recall(points: np.ndarray) -> tuple[float, float]:
    """Share of the 15 nearest that usearch and faiss find for 400 rows that are not repeated."""
    queries = points[np.flatnonzero(points.any(axis=1))[:400]]
    exact = np.sort(((queries[:, None] - points[None]) ** 2).sum(2), axis=1)[:, K - 1 : K] * (1 + 1e-4)
    index = Index(ndim=DIMS, metric="l2sq", dtype="f32")
    index.add(np.arange(len(points)), points, threads=1)
    graph = faiss.IndexHNSWFlat(DIMS, 32)
    graph.add(points)
    return (
        float((index.search(queries, K, threads=1).distances <= exact).mean()),
        float((graph.search(queries, K)[0] <= exact).mean()),
    )


distinct = rng.normal(size=(N, DIMS)).astype("float32")
repeated = distinct.copy()
repeated[rng.choice(N, REPEATED, replace=False)] = 0
without, mixed = recall(distinct), recall(repeated)
print("recall (usearch, faiss) without repeated rows:", without, "with 10 %:", mixed)
assert min(without) > 0.95, "recall without repeated rows"
assert max(mixed) < 0.8, "recall with repeated rows is no longer low"
PY
