"""The test of labels where one donor lies far from the others: four designs, counts only.

Twelve types, 600 cells a donor. With a change, the third type is twice as frequent in the target
and the fifth half as frequent. The odd donor is the last one of the target: its shares are
multiplied by the exponential of a normal of standard deviation 1.5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from _accuracy import table
from _real_tests import TYPES, rate

from cgmm.donors.moderated_t import counting_variance, log_odds, moderate, moderated_t
from cgmm.thresholds import ALPHA

CELLS, LEAST, APART, CHANGED = 600, 20, 1.5, (2, 4)
HUBER = 1.345  # of a standard deviation, 95 % efficient (Huber 1981)
ROUNDS = 10
Design = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def equal(y: np.ndarray, matrix: np.ndarray, counting: np.ndarray) -> np.ndarray:
    """Return p of the test that is used, shape (K,)."""
    return moderated_t(y, matrix, counting=counting).p


def huber(y: np.ndarray, matrix: np.ndarray, counting: np.ndarray) -> np.ndarray:
    """Return p with Huber's weights of every donor and type."""
    weights = np.ones_like(y)
    inflate = np.sqrt(len(y) / (len(y) - matrix.shape[1]))
    for _ in range(ROUNDS):
        off = np.abs(y - matrix @ _coefficients(y, matrix, weights)[0])
        scale = np.maximum(1.4826 * np.median(off, axis=0) * inflate, np.sqrt(counting))
        weights = np.minimum(1.0, HUBER * scale / np.maximum(off, 1e-9))
    return _weighted(y, matrix, weights, counting)


def of_donors(prior: int) -> Design:
    """Return the test with one weight per donor, shrunk by ``prior`` types.

    As ``arrayWeights`` of limma (Ritchie et al. 2006, BMC Bioinformatics 7:261), solved by turns.
    """

    def test(y: np.ndarray, matrix: np.ndarray, counting: np.ndarray) -> np.ndarray:
        weight = np.ones(len(y))
        for _ in range(ROUNDS):
            root = np.sqrt(weight)[:, None]
            inverse = np.linalg.pinv(matrix * root)
            off = y - matrix @ (inverse @ (y * root))
            lever = np.einsum("ij,ji->i", matrix * root, inverse)
            level = np.square(root * off).sum(axis=0) / (len(y) - matrix.shape[1])
            own = (np.square(off) / level).sum(axis=1) / np.maximum(1 - lever, 0.05)
            weight = (y.shape[1] + prior) / (own + prior)
            weight /= np.exp(np.log(weight).mean())
        return _weighted(y, matrix, np.repeat(weight[:, None], y.shape[1], axis=1), counting)

    return test


def _coefficients(
    y: np.ndarray, matrix: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (p, K), and the scale of the variance of the last one, (K,)."""
    found, scale = [], []
    for own, root in zip(y.T, np.sqrt(weights.T), strict=True):
        inverse = np.linalg.pinv(matrix * root[:, None])
        found.append(inverse @ (own * root))
        scale.append(inverse[-1] @ inverse[-1])
    return np.array(found).T, np.array(scale)


def _weighted(
    y: np.ndarray, matrix: np.ndarray, weights: np.ndarray, counting: np.ndarray
) -> np.ndarray:
    beta, scale = _coefficients(y, matrix, weights)
    freedom = len(y) - matrix.shape[1]
    variance = (weights * np.square(y - matrix @ beta)).sum(axis=0) / freedom
    return moderate(beta[-1], variance, freedom, scale, counting=counting).p


DESIGNS: dict[str, Design] = {
    "equal (used)": equal,
    "Huber": huber,
    "of donors, prior 10": of_donors(10),
    "of donors, prior 20": of_donors(20),
}


def odd_donor(n_runs: int = 400) -> list[str]:
    """Write type I and power of the four designs, without and with an odd donor."""
    lines = []
    for n in (4, 6):
        for apart in (0.0, APART):
            hits = {name: ([], []) for name in DESIGNS}
            for run in range(n_runs):
                for changed in (False, True):
                    y, matrix, counting, asked = _study(run, n, apart, changed=changed)
                    for name, test in DESIGNS.items():
                        hits[name][changed].append(test(y, matrix, counting)[asked] < ALPHA)
            row = [f"{n} v {n}, one donor apart" if apart else f"{n} v {n}"]
            for of_design in hits.values():
                for found in of_design:
                    runs = pd.Series(np.repeat(np.arange(n_runs), [len(h) for h in found]))
                    row.append(rate(pd.Series(np.concatenate(found)), runs))
            lines.append(row)
    head = ["donors", *(f"{name}: {what}" for name in DESIGNS for what in ("type I", "power"))]
    return table(head, lines)


def _study(
    run: int, n: int, apart: float, *, changed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return log-odds, design matrix, counting variance, and the types that are asked about."""
    rng = np.random.default_rng((run, n, bool(apart), changed))
    shares = np.maximum(rng.dirichlet(TYPES * 40, 2 * n), 1e-6)
    if changed:
        shares[n:, CHANGED] *= 2.0, 0.5
    if apart:
        shares[-1] *= np.exp(apart * rng.normal(size=shares.shape[1]))
    shares /= shares.sum(axis=1, keepdims=True)
    counts = np.array([rng.multinomial(CELLS, one * (1 - 1e-12)) for one in shares])
    kept = np.flatnonzero(counts.sum(axis=0) >= LEAST)
    shares, cells = counts / CELLS, np.full(2 * n, CELLS)
    matrix = np.column_stack([np.ones(2 * n), np.repeat([0.0, 1.0], n)])
    asked = np.isin(kept, CHANGED) if changed else np.ones(len(kept), bool)
    y, counting = log_odds(shares, cells), counting_variance(shares, cells)
    return y[:, kept], matrix, counting[kept], asked
