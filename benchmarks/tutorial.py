"""The tutorial "Fitting coupled GMMs" of OTT: our fit beside OTT's, in one process.

python benchmarks/tutorial.py [EM steps of OTT, default 300]
"""

from __future__ import annotations

import sys

import numpy as np
from _common import DATA, publish
from _ott import HEADER, Case, race

import cgmm as cg

CASES = {"unbalanced": (0.1, 1.0), "balanced": (0.01, np.inf)}
EPSILON = 0.01


def main(steps: int) -> None:
    """Fit both cases with both programs."""
    z = np.load(DATA / "tutorial_points.npz")
    start = cg.GaussianMixture(*(z[k].astype(float) for k in ("pw", "pm", "pc")))
    lines = [HEADER]
    for name, (weight, rho) in CASES.items():
        lines += race(Case(name, z["X0"], z["X1"], start, weight, EPSILON, rho), steps)
    title = "Tutorial: 2 x 10,000 points, D=2, K=3, epsilon .01 (cold of OTT: 1 step)"
    publish("tutorial", title, lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
