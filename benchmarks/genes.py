"""Genes behind the shifts of blood cells under interferon beta (Kang et al. 2018).

    python benchmarks/genes.py [--data ../shared/data] [--no-de]

Interferon-stimulated genes must lead in every subpopulation, and come out as the common programme;
CXCL10, CCL8, APOBEC3A and TNFSF10 must come out as specific to the myeloid cells. The fit is the
default call, named by the published cell types, with its eight donors.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _common import DATA, publish, timed

import cgmm as cg
from cgmm.pp import embed, normalise

EXPECTED = ["ISG15", "IFI6", "IFIT1", "IFIT2", "IFIT3", "ISG20", "MX1", "LY6E", "IFITM3", "B2M"]
MYELOID_GENES = ["CXCL10", "CCL8", "APOBEC3A", "TNFSF10"]
MYELOID = ("CD14 Mono", "CD16 Mono", "DC")
WANTED, TOP = 4, 10


def fitted(path: Path) -> ad.AnnData:
    """Prepare the cells as the workflow does, and fit."""
    adata = ad.read_h5ad(path)
    normalise(adata)
    facts = embed(adata)
    cg.tl.fit(
        adata,
        condition_key="condition",
        source="ctrl",
        target="stim",
        use_rep=facts["use_rep"],
        n_dims=facts["n_dims"],
        donor_key="donor",
        name_by="cell_type",
    )
    return adata


def leaders(adata: ad.AnnData, table: pd.DataFrame) -> list[str]:
    """One line per subpopulation: cells, how many expected genes lead, and which genes do."""
    cells = cg.get.factors(adata).set_index("name")
    like = cg.get.gene_agreement(adata).set_index("name")["resembles"]
    before = table[table["gene"] == EXPECTED[0]].set_index("name")["mean_source"] / np.log(2)
    lines = [f"{'subpopulation':14s} {'cells before/after':>18s}  expected  first {TOP} genes"]
    for name, row in cells.iterrows():
        part = table[(table["name"] == name) & (table["rank"] <= TOP)].sort_values("rank")
        head = f"{name:14s} {row['n_cells']:>9d} /{row['n_cells_target']:>7d}  "
        if part.empty:
            lines.append(f"{head}       -  too few cells on one side, genes are not told")
            continue
        n = part["gene"].isin(EXPECTED).sum()
        mark = "" if n >= WANTED else "  <- fewer than expected:"
        if n < WANTED or before[name] > 2 * before.median():
            mark += f" {EXPECTED[0]} at {before[name]:.1f} before (median {before.median():.1f})"
        if like[name]:
            mark += f" [its target cells resemble {like[name]}]"
        words = [
            f"{'-' if change < 0 else ''}{gene}"
            for gene, change in zip(part["gene"], part["log2_change"], strict=True)
        ]
        lines.append(f"{head}{n:>8d}  {' '.join(words)}{mark}")
    return lines


def scopes(table: pd.DataFrame) -> list[str]:
    """One line per expected gene: what it is, and where its specific part is large."""
    lines = [f"{'gene':9s} scope     common  least  median   most  specific to (largest first)"]
    for gene in [*EXPECTED, *MYELOID_GENES]:
        part = table[table["gene"] == gene]
        size = part["specific_change"].abs()
        large = part[(size >= size.max() / 2) & (size >= np.log2(1.5))]
        large = large.sort_values("specific_change", ascending=False)
        change = part["log2_change"]
        lines.append(
            f"{gene:9s} {part['scope'].iloc[0]:8s} {part['common_change'].iloc[0]:7.2f} "
            f"{change.min():6.2f} {change.median():7.2f} {change.max():6.2f}  "
            + ", ".join(large["name"])
        )
    return lines


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words whether the requirements are met."""
    first = table[table["rank"] <= TOP]
    hits = first["gene"].isin(EXPECTED).groupby(first["name"]).sum()
    lines = [
        f"{(hits >= WANTED).sum()} of {len(hits)} subpopulations have {WANTED} or more of "
        f"{', '.join(EXPECTED)} among their first {TOP} genes."
    ]
    for gene in MYELOID_GENES:
        part = table[table["gene"] == gene].sort_values("specific_change", ascending=False)
        inside = part["name"].str.startswith(MYELOID)
        n = inside.sum() - (~inside.iloc[: inside.sum()]).sum()
        lines.append(
            f"{gene}: {part['scope'].iloc[0]}; of the {inside.sum()} largest specific changes {n} "
            f"are myeloid; myeloid median {part.loc[inside, 'log2_change'].median():.2f}, others "
            f"{part.loc[~inside, 'log2_change'].median():.2f}, of which at most "
            f"{part.loc[~inside, 'ambient_share'].median():.0%} can be ambient (median)."
        )
    common = table.loc[table["scope"] == "common"].drop_duplicates("gene")
    common = common.sort_values("common_change", key=np.abs, ascending=False)
    words = [f"{g} {c:+.1f}" for g, c in zip(common["gene"], common["common_change"], strict=True)]
    return [*lines, "", f"Common programme ({len(words)} genes): {', '.join(words)}."]


def agreement(adata: ad.AnnData) -> list[str]:
    """One line per subpopulation: rank correlations of the three ways."""
    found = cg.get.gene_agreement(adata)
    lines = [
        f"{'subpopulation':14s} {'genes':>6s} {'in PCA':>7s} {'tested':>7s} {'q<0.05':>7s} "
        f"{'expr~load':>10s} {'expr~DE':>8s} {'load~DE':>8s} {'top 20':>7s}  why not tested"
    ]
    for r in found.itertuples():
        lines.append(
            f"{r.name:14s} {r.n_genes:6d} {r.n_loading:7d} {r.n_tested:7d} {r.n_significant:7d} "
            f"{r.r_expression_loading:10.2f} {r.r_expression_de:8.2f} {r.r_loading_de:8.2f} "
            f"{r.agree_top:7.2f}  {r.de_reason}"
        )
    return lines


def main() -> None:
    """Fit, tell genes, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--no-de", action="store_true", help="leave the tests over donors out")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    adata = fitted(given.data / "kang_ifnb.h5ad")
    quick, _ = timed(lambda: cg.tl.genes(adata, n_genes=None, de=False), 3)
    lines = [f"cgmm.tl.genes, all genes, no tests: {quick:.2f} s"]
    if not given.no_de:
        slow, _ = timed(lambda: cg.tl.genes(adata, n_genes=None), 3)
        lines.append(f"the same with tests over donors: {slow:.2f} s")
    table = cg.get.genes(adata)
    parts = [lines, leaders(adata, table), scopes(table), verdict(table), agreement(adata)]
    title = f"Kang et al. 2018: {adata.n_obs} cells, {adata.n_vars} genes, 8 donors, paired"
    publish("genes", title, [line for part in parts for line in [*part, ""]][:-1])


if __name__ == "__main__":
    main()
