"""How often tests of gene sets reject where nothing changed, and what they find.

    python benchmarks/gene_sets.py [--data ../shared/data] [--sets go.gmt]

The cells are those of ``gene_tests.py``: sums per donor and cell type of Kang et al. 2018. Where
nothing changed, untreated donors are divided at random into two groups. In the power lines a part
of the genes of five sets is made 1.3 times as high in one group, by thinning the counts of the
other. Under interferon, treated cells are compared with untreated cells of the same donors: random
sets have changed no more than other genes, and the set of interferon genes must be found.

Without ``--sets`` the sets are drawn at random; with a GMT file of human genes (``cgmm go-sets``
makes one) they are drawn from the file. "together" are 10 sets of the 30 genes that follow one gene
most closely over all donors, tested beside 400 others.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import anndata as ad
import numpy as np
import scipy.sparse as sp
import scipy.stats
from _common import DATA, publish
from gene_tests import MIN_CELLS, Study, pairs, study

from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.moderated_t import squeeze
from cgmm.genes import voom
from cgmm.genes.gene_sets import members_of, read_gene_sets
from cgmm.genes.pseudobulk import Samples
from cgmm.genes.set_test import MIN_GENES, competitive_tests, normal_scores

DIVISIONS, DRAWN, TOGETHER, SIZE_TOGETHER = 4, 400, 10, 30
SIZES = (10, 20, 40, 80)
FOLD, PART, N_CHANGED = 1.3, 0.7, 5
ROTATIONS = 999
INTERFERON = [
    *("ISG15", "ISG20", "IFI6", "IFI44", "IFI44L", "IFIT1", "IFIT2", "IFIT3", "IFITM1", "IFITM2"),
    *("IFITM3", "MX1", "MX2", "OAS1", "OAS2", "OAS3", "OASL", "IRF7", "STAT1", "IFI35", "IFIH1"),
    *("IFI16", "DDX58", "HERC5", "USP18", "RSAD2", "CXCL10", "LY6E", "BST2", "XAF1", "EPSTI1"),
    *("PLSCR1", "SAMD9", "SAMD9L", "TRIM22", "PARP9", "PARP14", "DTX3L", "UBE2L6", "TAP1"),
]

Test = Callable[[Samples, voom.LinearFit, sp.csr_array], np.ndarray]


class Case(NamedTuple):
    """Samples to compare, the genes that are tested, and sets of them."""

    samples: Samples
    genes: np.ndarray  #: (n_genes,), bool
    sets: list[np.ndarray]  #: columns of each set
    asked: np.ndarray  #: (n_sets,), whether the line counts the set


def _members(case: Case) -> sp.csr_array:
    rows = np.repeat(np.arange(len(case.sets)), [len(s) for s in case.sets])
    shape = (len(case.sets), len(case.genes))
    return sp.csr_array((np.ones(len(rows), bool), (rows, np.concatenate(case.sets))), shape=shape)


# --- tests ----------------------------------------------------------------------------------


def donors(_: Samples, fit: voom.LinearFit, members: sp.csr_array) -> np.ndarray:
    """Return p of the test of cgmm."""
    return competitive_tests(fit, members).p


def _parts(
    fit: voom.LinearFit, members: sp.csr_array
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, unit residuals, membership (n_tested, n_sets) and sizes, of tested sets."""
    member = members[:, np.flatnonzero(fit.usable)].toarray().astype(float)
    size = member.sum(axis=1)
    keep = (size >= MIN_GENES) & (size <= member.shape[1] / 2)
    length = np.linalg.norm(fit.residuals, axis=0)
    unit = np.sqrt(fit.freedom) * fit.residuals / np.where(length > 0, length, np.inf)
    return normal_scores(fit), unit, member[keep].T, size[keep]


def genes_as_units(_: Samples, fit: voom.LinearFit, members: sp.csr_array) -> np.ndarray:
    """Return p of a linear model of the statistics of genes, as decoupler's ulm."""
    z, _, member, _ = _parts(fit, members)
    r = np.array([np.corrcoef(z, own)[0, 1] for own in member.T])
    t = r * np.sqrt((len(z) - 2) / (1 - r**2))
    return 2 * scipy.stats.t.sf(np.abs(t), len(z) - 2)


def _camera(fit: voom.LinearFit, members: sp.csr_array, correlation: float | None) -> np.ndarray:
    z, residuals, member, m = _parts(fit, members)
    n = len(z)
    delta = z @ member / m - (z.sum() - z @ member) / (n - m)
    rho: np.ndarray | float
    if correlation is None:
        spread = np.square(residuals @ (member / m)).sum(axis=0) / fit.freedom
        rho, df = (spread * m - 1) / (m - 1), min(fit.freedom, n - 2)
    else:
        rho, df = correlation, n - 2
    inflation = np.maximum(1 + (m - 1) * rho, 1e-3)
    pooled = ((n - 1) * z.var(ddof=1) - delta**2 * m * (n - m) / n) / (n - 2)
    t = delta / np.sqrt(pooled * (inflation / m + 1 / (n - m)))
    return 2 * scipy.stats.t.sf(np.abs(t), df)


def camera(_: Samples, fit: voom.LinearFit, members: sp.csr_array) -> np.ndarray:
    """Return p of camera with its preset correlation of .01."""
    return _camera(fit, members, 0.01)


def camera_estimated(_: Samples, fit: voom.LinearFit, members: sp.csr_array) -> np.ndarray:
    """Return p of camera with the correlation estimated for each set."""
    return _camera(fit, members, None)


def rotation(given: Samples, fit: voom.LinearFit, members: sp.csr_array) -> np.ndarray:
    """Return p of a rotation test of the mean of a set, in SD of all genes (as romer)."""
    effects, freedom = _rotatable(given, fit)
    prior, level = squeeze(np.square(effects[1:]).sum(axis=0) / freedom, freedom)
    prior, whole = min(prior, 1e6), np.square(effects).sum(axis=0)
    _, _, member, m = _parts(fit, members)

    def score(u: np.ndarray) -> np.ndarray:
        left = np.maximum(whole - u**2, 0)
        t = u / np.sqrt((prior * level + left) / (prior + freedom))
        t = (t - t.mean(axis=1, keepdims=True)) / t.std(axis=1, keepdims=True)
        return np.asarray(t @ (member / m))

    turned = np.random.default_rng(1).normal(size=(ROTATIONS, freedom + 1))
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    beyond = np.abs(score(turned @ effects)) >= np.abs(score(effects[:1]))
    return (1 + beyond.sum(axis=0)) / (ROTATIONS + 1)


def _rotatable(given: Samples, fit: voom.LinearFit) -> tuple[np.ndarray, int]:
    """Return the effect of the condition and the residuals in one basis, (1 + d, n_tested)."""
    matrix, _ = voom.model(given)  # the condition is its last column
    library = voom.effective_library(given.counts)
    y = voom.log2_cpm(given.counts[:, fit.usable].astype(float), library)
    root = np.sqrt(voom.precision(y, matrix, library)).T
    q, r = np.linalg.qr(root[:, :, None] * matrix, mode="complete")
    p = matrix.shape[1]
    effects = np.einsum("gsk,gs->kg", q[:, :, p - 1 :], root * y.T)
    effects[0] *= np.sign(r[:, p - 1, p - 1])
    common = np.linalg.qr(matrix, mode="complete")[0][:, p:]
    u, _, v = np.linalg.svd(np.einsum("gsk,sj->gkj", q[:, :, p:], common))
    effects[1:] = np.einsum("gkj,kg->jg", u @ v, effects[1:])
    return effects, len(matrix) - p


TESTS: dict[str, Test] = {
    "cgmm": donors,
    "genes as units": genes_as_units,
    "camera, .01": camera,
    "camera, estimated": camera_estimated,
    "rotation": rotation,
}

# --- cases ----------------------------------------------------------------------------------


class Sets:
    """Draws sets, at random or of a file, and sets of genes that go together."""

    def __init__(self, made: Study, names: np.ndarray, path: Path | None) -> None:
        self.made, self.rng, self.known = made, np.random.default_rng(3), None
        if path is not None:
            members = members_of(read_gene_sets(path), names)
            self.known = [
                members.indices[a:b]
                for a, b in zip(members.indptr[:-1], members.indptr[1:], strict=True)
            ]

    def some(self, genes: np.ndarray, n: int = DRAWN) -> list[np.ndarray]:
        """Draw sets, with few or many genes that the type expresses."""
        if self.known is None:
            return self.random(genes, n)
        return [self.known[i] for i in self.rng.choice(len(self.known), n, replace=False)]

    def random(self, genes: np.ndarray, n: int = DRAWN) -> list[np.ndarray]:
        """Draw sets of random genes that the type expresses."""
        pool, sizes = np.flatnonzero(genes), self.rng.choice(SIZES, n)
        return [self.rng.choice(pool, size, replace=False) for size in sizes]

    def together(self, k: int, genes: np.ndarray) -> list[np.ndarray]:
        """Return sets of genes that follow a random gene most closely over donors."""
        parts = []
        for side in (self.made.untreated, self.made.treated):
            counts = side.counts[k][side.cells[k] >= MIN_CELLS]
            y = voom.log2_cpm(counts.astype(float), voom.effective_library(counts))
            parts.append(y - y.mean(axis=0))
        residual = np.concatenate(parts)
        length = np.linalg.norm(residual, axis=0)
        residual = residual / np.where(length > 0, length, np.inf)
        pool = np.flatnonzero(genes)
        close = residual[:, self.rng.choice(pool, TOGETHER, replace=False)].T @ residual[:, pool]
        return [pool[np.argsort(-row)[:SIZE_TOGETHER]] for row in close]


def null(sets: Sets, n: int, *, together: bool = False, changed: bool = False) -> Iterator[Case]:
    """Yield comparisons of two groups of ``n`` untreated donors."""
    made, rng = sets.made, np.random.default_rng(0)
    for _ in range(DIVISIONS):
        for k, genes in enumerate(made.genes):
            enough = np.flatnonzero(made.untreated.cells[k] >= MIN_CELLS)
            if len(enough) < 2 * n:
                continue
            chosen = rng.permutation(enough)[: 2 * n]
            second = np.repeat([False, True], n)
            drawn = sets.some(genes)
            asked = np.ones(len(drawn), dtype=bool)
            if together:
                own = sets.together(k, genes)
                asked = np.repeat([False, True], [len(drawn), len(own)])
                drawn = drawn + own
            counts = made.untreated.counts[k][chosen].copy()
            if changed:
                asked = _change(counts, ~second, drawn, genes, rng)
            donors_ = made.untreated.donors[chosen]
            yield Case(Samples(counts, second, None, donors_), genes, drawn, asked)


def _change(
    counts: np.ndarray,
    lower: np.ndarray,
    drawn: list[np.ndarray],
    genes: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Thin a part of the genes of five sets in one group; return which sets these are."""
    sizes = np.array([genes[s].sum() for s in drawn])
    which = np.flatnonzero((sizes >= 15) & (sizes <= 80))[:N_CHANGED]
    for i in which:
        own = drawn[i][genes[drawn[i]]]
        at = np.ix_(lower, rng.choice(own, int(np.ceil(PART * len(own))), replace=False))
        counts[at] = rng.binomial(counts[at], 1 / FOLD)
    return np.isin(np.arange(len(drawn)), which)


def treated(sets: Sets, names: np.ndarray, n: int, *, interferon: bool) -> Iterator[Case]:
    """Yield comparisons of treated with untreated cells of ``n`` donors."""
    for genes, own in pairs(sets.made, n):
        drawn = sets.random(genes)
        asked = np.ones(len(drawn), dtype=bool)
        if interferon:
            drawn = [*drawn, np.flatnonzero(np.isin(names, INTERFERON))]
            asked = np.arange(len(drawn)) == len(drawn) - 1
        yield Case(own, genes, drawn, asked)


def line(name: str, cases: list[Case]) -> Iterator[str]:
    """Yield one row per test: shares of p-values, comparisons with any q under .05."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {test: [] for test in TESTS}
    for case in cases:
        fit, _ = voom.linear_fit(case.samples, case.genes)
        if fit is None:
            continue
        members = _members(case)
        asked = case.asked[competitive_tests(fit, members).sets]
        for test, p_of in TESTS.items():
            p = p_of(case.samples, fit, members)
            found[test].append((p[asked], benjamini_hochberg(p)[asked]))
    for test, made in found.items():
        p, q = (np.concatenate(part) for part in zip(*made, strict=True))
        per = np.array([np.mean(one < 0.05) for one, _ in made if len(one)])
        error = per.std(ddof=1) / np.sqrt(len(per))
        called = np.mean([np.min(one, initial=1.0) < 0.05 for _, one in made])
        yield (
            f"{name:30s} {test:18s} {np.mean(p < 0.05):>6.3f} ({error:.3f}) "
            f"{np.mean(p < 0.001):>8.4f} {np.mean(q < 0.05):>7.3f} {called:>10.2f} {len(p):>6d}"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", type=Path, help="GMT file of human genes")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    path = options.data / "kang_ifnb.h5ad"
    names = ad.read_h5ad(path, backed="r").var_names.to_numpy().astype(str)
    sets = Sets(study(path), names, options.sets)
    kind = "random sets" if options.sets is None else options.sets.stem
    lines = [
        f"{'sets':30s} {'test':18s} {'p<.05':>6s} {'(error)':7s} {'p<.001':>8s} {'q<.05':>7s} "
        f"{'any q<.05':>10s} {'sets':>6s}"
    ]
    for n in (4, 3):
        lines += line(f"null, {n} v {n}, {kind}"[:30], list(null(sets, n)))
    for n in (4, 3):
        together = list(null(sets, n, together=True))
        lines += line(f"null, {n} v {n}, together", together)
    for n in (4, 3):
        lines += line(f"{FOLD}-fold, {n} v {n}", list(null(sets, n, changed=True)))
    for n in (8, 3):
        random = list(treated(sets, names, n, interferon=False))
        lines += line(f"interferon, {n} pairs, random", random)
        found = list(treated(sets, names, n, interferon=True))
        lines += line(f"interferon, {n} pairs, its set", found)
    publish("gene_sets", "Tests of gene sets over donors: cells of Kang et al. 2018", lines)


if __name__ == "__main__":
    main()
