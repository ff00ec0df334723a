"""How often a test of genes over donors rejects where nothing changed, and what it finds.

    python benchmarks/gene_tests.py [--data ../shared/data] [--deseq]

Cells of untreated donors (Kang et al. 2018) are summed per donor and cell type, and the donors are
divided at random into two groups: no gene differs. The power lines compare treated with untreated
cells of the same donors. With ``--deseq`` PyDESeq2 answers a few of the same questions; it needs
minutes.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import anndata as ad
import numpy as np
import scipy.sparse as sp
from _common import DATA, publish

from cgmm.genes import deseq, voom
from cgmm.genes.differential import Differential
from cgmm.genes.pseudobulk import Pseudobulk, Samples, pseudobulk, samples

MIN_OF_TYPE, MIN_CELLS, MIN_EXPRESSED = 400, 10, 0.1
DIVISIONS = 10


class Study(NamedTuple):
    """Sums per cell type and donor in both conditions, and the genes that each type expresses."""

    untreated: Pseudobulk
    treated: Pseudobulk
    genes: list[np.ndarray]


def study(path: Path) -> Study:
    """Read the cells of the types with more than 400 cells."""
    cells = ad.read_h5ad(path)
    counts, code = sp.csr_array(cells.X), cells.obs["cell_type"].astype(str).to_numpy()
    donors = cells.obs["donor"].astype(str).to_numpy()
    sizes = cells.obs["cell_type"].value_counts()
    types = [name for name, n in sizes.items() if n > MIN_OF_TYPE]

    def sums(condition: str) -> Pseudobulk:
        rows = np.flatnonzero(cells.obs["condition"] == condition)
        member = np.stack([(code[rows] == name).astype(float) for name in types], axis=1)
        return pseudobulk(counts[rows], member, donors[rows])

    expressed = [
        np.asarray((counts[code == name] > 0).mean(axis=0)).ravel() >= MIN_EXPRESSED
        for name in types
    ]
    return Study(sums("ctrl"), sums("stim"), expressed)


def null(method: ModuleType, made: Study, n: int, divisions: int) -> Iterator[Differential]:
    """Yield tests between two groups of ``n`` untreated donors each."""
    rng = np.random.default_rng(0)
    sums = made.untreated
    for _ in range(divisions):
        for k, genes in enumerate(made.genes):
            enough = np.flatnonzero(sums.cells[k] >= MIN_CELLS)
            if len(enough) < 2 * n:
                continue
            chosen = rng.permutation(enough)[: 2 * n]
            groups = np.repeat([False, True], n)
            one = Samples(sums.counts[k][chosen], groups, None, sums.donors[chosen])
            tests, _ = method.differential(one, genes)
            if tests is not None:
                yield tests


def pairs(made: Study, n: int) -> Iterator[tuple[np.ndarray, Samples]]:
    """Yield the genes of each type, and its sums in both conditions of the first ``n`` donors."""
    for k, genes in enumerate(made.genes):
        whole, _ = samples(made.untreated, made.treated, k, paired=True)
        if whole is None or whole.donors is None:
            continue
        names = whole.donors.astype(str)
        keep = np.isin(names, np.unique(names)[:n])
        yield genes, Samples(whole.counts[keep], whole.treated[keep], whole.donors[keep])


def treated(method: ModuleType, made: Study, n: int) -> Iterator[Differential]:
    """Yield tests of treated against untreated cells of the first ``n`` donors, in pairs."""
    for genes, own in pairs(made, n):
        tests, _ = method.differential(own, genes)
        if tests is not None:
            yield tests


def line(name: str, tests: Iterator[Differential]) -> str:
    """Return one row: shares of p-values, tests with any q under .05, processor seconds."""
    start, made = time.process_time(), list(tests)
    took = time.process_time() - start
    if not made:
        return f"{name:30s} no type has enough donors"
    p = np.concatenate([one.p[np.isfinite(one.p)] for one in made])
    called = np.mean([np.nanmin(one.q) < 0.05 for one in made])
    genes = np.median([np.sum(one.q < 0.05) for one in made])
    shares = f"{np.mean(p < 0.05):>7.3f} {np.mean(p < 0.001):>8.5f}"
    return f"{name:30s} {shares} {called:>10.2f} {genes:>9.0f} {len(made):>6d} {took:>8.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--deseq", action="store_true", help="PyDESeq2 too, in one division")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    made = study(options.data / "kang_ifnb.h5ad")
    lines = [
        f"{'tests of genes over donors':30s} {'p<.05':>7s} {'p<.001':>8s} {'any q<.05':>10s} "
        f"{'genes':>9s} {'tests':>6s} {'CPU s':>8s}"
    ]
    for n in (4, 3):
        lines.append(line(f"nothing changed, {n} v {n}", null(voom, made, n, DIVISIONS)))
    for n in (8, 3):
        lines.append(line(f"interferon, {n} pairs", treated(voom, made, n)))
    if options.deseq:
        lines.append(line("PyDESeq2, 4 v 4", null(deseq, made, 4, 1)))
    publish("gene_tests", "Tests of genes over donors: cells of Kang et al. 2018", lines)


if __name__ == "__main__":
    main()
