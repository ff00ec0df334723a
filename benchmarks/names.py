"""Names of groups of cells by the marker table for blood, against published labels.

    python benchmarks/names.py [--data ../shared/data] [--table config/markers_blood.tsv]

Groups are Leiden clusters of each condition at three resolutions, and the components of a fit. A
group is right when its name is the type that most of its cells carry.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import anndata as ad
import numpy as np
import scanpy as sc
from _common import DATA, publish

import cgmm as cg
from cgmm.genes.change import means
from cgmm.genes.marker_names import linear_scores, name_by_means
from cgmm.genes.marker_table import FoundMarkers, find_markers, read_marker_table
from cgmm.tables import MIXED, UNCLEAR

SETS = {
    "kang": ("kang_ifnb.h5ad", "ctrl", "stim"),
    "covid": ("covid_gse149689.h5ad", "healthy", "covid"),
}
TYPES = {
    "CD14 Mono": ("CD14 monocyte",), "CD16 Mono": ("CD16 monocyte",), "NK": ("NK cell",),
    "CD4 Memory T": ("CD4 T cell",), "CD4 Naive T": ("CD4 T cell",), "CD4 T": ("CD4 T cell",),
    "T activated": ("CD4 T cell",), "CD8 T": ("CD8 T cell",), "B": ("B cell",),
    "B Activated": ("B cell",), "DC": ("conventional DC",), "pDC": ("plasmacytoid DC",),
    "Eryth": ("erythrocyte",), "Mk": ("platelet",), "Platelet": ("platelet",),
    "Plasmablast/Prolif": ("plasmablast", "proliferating cell"),
}  # fmt: skip
RESOLUTIONS = (0.3, 1.0, 2.0)
NOTES = [
    "t, z, sg: share of cells in groups whose best type is right, by the t of the linear model, by",
    "the mean z over cells of + markers less - markers (as in ScType, without its weights), and by",
    "scanpy's score_genes of + markers. named, mixed, unclear: share of cells by the rule of cgmm.",
    "right: of the named, in groups whose name is right. either: of the mixed, in groups with the",
    "right type among both. absent: the type is taken out of the table; share of the cells of its",
    "groups that are called unclear or mixed. The limits of the rule were chosen on these data.",
    "",
]


class Groups(NamedTuple):
    """Groups of cells and the types of their cells."""

    memberships: np.ndarray  #: (n_cells, K)
    truth: list[tuple[str, ...]]  #: the names that are right for each group
    pure: np.ndarray  #: (K,), whether 80 % of the cells carry the main label


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of .h5ad files")
    default = Path(__file__).resolve().parents[1] / "config" / "markers_blood.tsv"
    parser.add_argument("--table", type=Path, default=default, help="marker table")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    head = (
        "data   groups          n      t      z     sg   named  right  mixed either  unclear absent"
    )
    lines = [*NOTES, head]
    for name, (file, source, target) in SETS.items():
        adata = prepared(args.data / file)
        markers = find_markers(read_marker_table(args.table), adata.var_names.to_numpy(str))
        sets = {f"Leiden {r:g}": leiden(adata, r) for r in RESOLUTIONS}
        cg.tl.fit(adata, condition_key="condition", source=source, target=target, donor_key="donor")
        sets["components"] = components(adata)
        for kind, memberships in sets.items():
            groups = with_truth(memberships, adata.obs["cell_type"].astype(str).to_numpy(str))
            lines.append(f"{name:6} {kind:11} {line(adata, groups, markers)}")
            sys.stderr.write(lines[-1] + "\n")
    publish("names", "Names by a marker table, against published labels", lines)


def prepared(path: Path) -> ad.AnnData:
    """Return log-normalised cells with principal components."""
    adata = ad.read_h5ad(path)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=2000, batch_key="sample")
    sc.pp.pca(adata, n_comps=20)
    return adata


def leiden(adata: ad.AnnData, resolution: float) -> np.ndarray:
    """Return clusters of each condition as memberships."""
    blocks = []
    for condition in adata.obs["condition"].unique():
        inside = (adata.obs["condition"] == condition).to_numpy()
        part = ad.AnnData(
            obs=adata.obs.loc[inside, []], obsm={"X_pca": adata.obsm["X_pca"][inside]}
        )
        sc.pp.neighbors(part, use_rep="X_pca")
        sc.tl.leiden(part, resolution=resolution, flavor="igraph", n_iterations=2)
        codes = part.obs["leiden"].cat.codes.to_numpy()
        block = np.zeros((adata.n_obs, codes.max() + 1))
        block[np.flatnonzero(inside), codes] = 1
        blocks.append(block)
    return np.hstack(blocks)


def components(adata: ad.AnnData) -> np.ndarray:
    """Return the responsibilities of both sides, for components with five cells or more."""
    r = np.nan_to_num(adata.obsm["cgmm_responsibilities"])
    sides = [(adata.obs["condition"] == c).to_numpy() for c in adata.obs["condition"].unique()]
    both = np.hstack([r * inside[:, None] for inside in sides])
    return both[:, both.sum(axis=0) >= 5]


def with_truth(memberships: np.ndarray, labels: np.ndarray) -> Groups:
    """Return groups with the names that are right for them."""
    kinds = sorted(set(TYPES.values()))
    place = {label: kinds.index(names) for label, names in TYPES.items()}
    mass = np.zeros((len(kinds), memberships.shape[1]))
    np.add.at(mass, [place[label] for label in labels], memberships)
    main_part = mass.max(axis=0) / mass.sum(axis=0)
    return Groups(memberships, [kinds[i] for i in mass.argmax(axis=0)], main_part > 0.8)


def line(adata: ad.AnnData, groups: Groups, markers: FoundMarkers) -> str:
    """Return the numbers of one set of groups."""
    average = means(adata.X, groups.memberships)
    size = groups.memberships.sum(axis=0)
    genes = adata.var_names.to_numpy(str)

    def share(those: np.ndarray, of: np.ndarray | None = None) -> float:
        of = np.ones(len(size), dtype=bool) if of is None else of
        return float((size * those)[of].sum() / max(size[of].sum(), 1e-9))

    def right(names: list[str]) -> np.ndarray:
        return np.array([n in t for n, t in zip(names, groups.truth, strict=True)])

    found = name_by_means(average, size, genes, markers)
    by_score = [
        share(right([markers.cell_types[i] for i in scores.argmax(axis=1)]))
        for scores in (
            linear_scores(average - mean_of(adata), markers.signs),
            z_scores(adata, average, markers),
            gene_scores(adata, groups, genes, markers),
        )
    ]
    verdicts = np.array(found.verdicts)
    mixed, unclear = verdicts == MIXED, verdicts == UNCLEAR
    named = ~mixed & ~unclear
    either = right(found.best) | right(found.runner_up)
    numbers = [*by_score, share(named), share(right(found.names), named), share(mixed)]
    numbers += [share(either, mixed), share(unclear), absent(average, size, genes, groups, markers)]
    widths = (6, 6, 6, 7, 6, 6, 6, 8, 6)
    text = " ".join(f"{v:{w}.3f}" for v, w in zip(numbers, widths, strict=True))
    return f"{len(size):5d} {text}"


def mean_of(adata: ad.AnnData) -> np.ndarray:
    """Return the mean expression of all cells."""
    return np.asarray(adata.X.mean(axis=0)).ravel()


def z_scores(adata: ad.AnnData, average: np.ndarray, markers: FoundMarkers) -> np.ndarray:
    """Return mean z over + markers less mean z over - markers, (K, n_types)."""
    mean = mean_of(adata)
    square = np.asarray(adata.X.multiply(adata.X).mean(axis=0)).ravel()
    z = (average - mean) / np.sqrt(np.maximum(square - mean**2, 1e-12))
    high, low = (markers.signs > 0).astype(float), (markers.signs < 0).astype(float)
    return (
        z @ (high / high.sum(1, keepdims=True)).T
        - z @ (low / np.maximum(low.sum(1, keepdims=True), 1)).T
    )


def gene_scores(
    adata: ad.AnnData, groups: Groups, genes: np.ndarray, markers: FoundMarkers
) -> np.ndarray:
    """Return the means of scanpy's score_genes of the + markers over groups, (K, n_types)."""
    scores = []
    for signs in markers.signs:
        sc.tl.score_genes(adata, list(genes[signs > 0]), score_name="score", random_state=0)
        scores.append(adata.obs.pop("score").to_numpy())
    r = groups.memberships
    return (r.T @ np.array(scores).T) / r.sum(axis=0)[:, None]


def absent(
    average: np.ndarray, size: np.ndarray, genes: np.ndarray, groups: Groups, markers: FoundMarkers
) -> float:
    """Return how much of the pure groups of an absent type does not get another type's name."""
    kept = total = 0.0
    for names in set(groups.truth):
        rest = np.array([kind not in names for kind in markers.cell_types])
        types = tuple(kind for kind in markers.cell_types if kind not in names)
        part = FoundMarkers(types, markers.signs[rest], ())
        verdicts = np.array(name_by_means(average, size, genes, part).verdicts)
        own = groups.pure & np.array([truth == names for truth in groups.truth])
        total += size[own].sum()
        kept += size[own & np.isin(verdicts, (MIXED, UNCLEAR))].sum()
    return float(kept / total)


if __name__ == "__main__":
    main()
