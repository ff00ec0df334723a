"""Benchmark protocols of two peers, written anew from their descriptions and applied to cgmm.

Milo (Dann et al. 2022, Nat Biotechnol 40:245), repeated by Yi et al. (2024): cells of one condition
get a second one that is drawn cell by cell. The probability follows how much nearer a cell is to
the mean of one type than to the means of the other types, from .5 to an enrichment; three samples
a condition are dealt at random. True cells are as many of the highest probability as the type has.
With batches every batch of samples is moved by a normal vector.

propeller (Phipson et al. 2022, Bioinformatics 38:4720): counts of types from a beta-binomial model,
5000 cells a sample (negative binomial with size 20). Null: five types, alpha 10. Changed: seven
types of the human heart, of which three change.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _accuracy import table
from _real_tests import rate
from _rivals import Answer, Job, Truth
from sklearn.metrics import average_precision_score, roc_auc_score

from cgmm.donors.design import design_of_donors
from cgmm.donors.labelled import labelled_factors

# Milo ------------------------------------------------------------------------------------

N_SAMPLES, STEEPNESS = 3, 0.5
POPULATIONS = ("CD14 Mono", "NK")
ENRICHMENTS, BATCH_SDS = (0.75, 0.95), (0.0, 1.0)


def raised_probability(
    points: np.ndarray, labels: np.ndarray, population: str, enrichment: float
) -> np.ndarray:
    """Probability of the source for every cell: .5, up to the enrichment near one type.

    Weights are fuzzy memberships (inverse fourth powers of distances to means, as fuzziness 2 makes
    of distances), scaled, passed through a logistic function, and stretched from .5 to the
    enrichment.
    """
    names = np.unique(labels)
    means = np.stack([points[labels == n].mean(axis=0) for n in names])
    distance = np.linalg.norm(points[:, None] - means, axis=2)
    this = distance[:, [int(np.searchsorted(names, population))]]
    weight = 1 / (this / distance).sum(axis=1) ** 2
    weight = (weight - weight.mean()) / weight.std(ddof=1)
    weight = 1 / (1 + np.exp(-STEEPNESS * weight))
    low, high = weight.min(), weight.max()
    return 0.5 + (weight - low) / (high - low) * (enrichment - 0.5)


def milo_jobs(data: Path, folder: Path) -> list[dict[str, object]]:
    """Write the semi-synthetic cases; the labels of their truth are "raised" and "same"."""
    from _donor_cases import embed

    asked = [(p, e, b) for p in POPULATIONS for e in ENRICHMENTS for b in BATCH_SDS]
    jobs = [
        {
            "population": p,
            "enrichment": e,
            "batch": b,
            "path": folder / f"{p.replace(' ', '')}-{e}-{b:g}.npz",
        }
        for p, e, b in asked
    ]
    if all(j["path"].is_file() for j in jobs):
        return jobs
    cells = ad.read_h5ad(data / "kang_ifnb.h5ad")
    cells = cells[(cells.obs["condition"] == "ctrl").to_numpy()].copy()
    embed(cells, 20)
    points = np.asarray(cells.obsm["X_pca"], float)
    labels = cells.obs["cell_type"].astype(str).to_numpy()
    for job in jobs:
        population = next(n for n in np.unique(labels) if n.startswith(job["population"]))
        rng = np.random.default_rng(43)
        p = raised_probability(points, labels, population, job["enrichment"])
        target = rng.random(len(p)) >= p
        sample = np.arange(len(p)) % N_SAMPLES
        donor = np.where(target, "t", "s").astype(object) + sample.astype(str)
        limit = np.quantile(p, 1 - (labels == population).mean())
        moved = points.copy()
        if job["batch"]:
            # two batches, dealt to the six samples at random
            names = np.unique(donor)
            batch = dict(zip(names, rng.permutation(np.arange(len(names)) % 2), strict=True))
            offset = rng.normal(size=(2, points.shape[1])) * job["batch"]
            moved += offset[[batch[d] for d in donor]]
        truth = Truth(
            np.where(p > limit, "raised", "same"), np.array(["raised", "same"]), np.full(2, np.nan)
        )
        job["path"].parent.mkdir(parents=True, exist_ok=True)
        truth.save(job["path"].with_suffix(".truth.npz"))
        Job(moved.astype(np.float32), target, donor.astype(str), 43).save(job["path"])
    return jobs


def of_cells(_job: Job, truth: Truth, answer: Answer) -> dict[str, float]:
    """AUPRC and AUROC of the raised cells, by how far their factor lies below one."""
    true = truth.labels == "raised"
    score = -np.nan_to_num(answer.cell, nan=0.0)
    return {
        "auprc": float(average_precision_score(true, score)),
        "auroc": float(roc_auc_score(true, score)),
        "base": float(true.mean()),
    }


# propeller -------------------------------------------------------------------------------

CELLS, SIZE, N_STUDIES = 5000, 20, 1000
NULL_SHARES = np.array([0.01, 0.05, 0.15, 0.34, 0.45])
NULL_ALPHA = 10.0
# cells of nine samples of the human heart (Sim et al. 2021, Circulation 143:1614), as the paper
# counts them, without erythroid cells; sums of the types and moments are taken from them
HEART = {
    "cardiomyocytes": (1856, 564, 383, 5475, 8580, 5140, 1073, 2221, 4456),
    "endothelial": (599, 466, 165, 735, 715, 1298, 511, 462, 550),
    "epicardial": (343, 493, 92, 564, 425, 404, 613, 280, 260),
    "fibroblast": (1034, 1230, 495, 1029, 755, 1201, 1622, 1688, 805),
    "immune": (449, 530, 519, 287, 274, 196, 337, 808, 731),
    "neurons": (57, 43, 14, 109, 130, 110, 207, 71, 133),
    "smooth muscle": (22, 49, 13, 54, 20, 136, 59, 28, 49),
}
DONORS = (3, 5, 10, 20)


def heart() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares of the types, alpha of their beta distributions, shares after the change."""
    counts = np.array(list(HEART.values()), float)
    share = counts.sum(axis=1) / counts.sum()
    own = counts / counts.sum(axis=0)
    mean, variance = own.mean(axis=1), own.var(axis=1, ddof=1)
    alpha = mean * (mean * (1 - mean) / variance - 1)
    after = share.copy()
    after[0], after[3], after[6] = share[0] / 2, share[3] * 2, share[6] * 3
    after[0] += (1 - after.sum()) / 2
    after[3] += 1 - after.sum()
    return share, alpha, after


def draw_counts(
    rng: np.random.Generator, n: int, share: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    """Draw counts of n samples, shape (n, n_types), type by type as the paper does."""
    total = rng.negative_binomial(SIZE, SIZE / (SIZE + CELLS), size=n)
    own = rng.beta(alpha, alpha * (1 - share) / share, size=(n, len(share)))
    return rng.binomial(total[:, None], own)


def ours(counts: np.ndarray, n: int) -> np.ndarray:
    """Return the p that cgmm gives to labels of the user."""
    names = np.array([f"{side}{i:02d}" for side in "st" for i in range(n)], dtype=object)
    cells = counts.sum(axis=1)
    units = design_of_donors((names[:n], cells[:n]), (names[n:], cells[n:]), paired=False)
    return np.asarray(labelled_factors(counts.astype(float), units).p)


def theirs(transform: str) -> object:
    """Return the test of propeller with one of its transformations."""
    from _clusters import propeller

    return lambda counts, n: propeller(counts, np.repeat([False, True], n), transform=transform)


METHODS = {
    "cgmm, labels": ours,
    "propeller, logit": theirs("logit"),
    "propeller, arcsine": theirs("asin"),
}


def propeller_rows(n_studies: int) -> pd.DataFrame:
    """Draw all studies and test them: one row per study, type and method."""
    share, alpha, after = heart()
    rows = []
    for setting, first, second, a in (
        ("null", NULL_SHARES, NULL_SHARES, np.full(5, NULL_ALPHA)),
        ("changed", share, after, alpha),
    ):
        truth = np.log2(second / first)
        for n in DONORS:
            rng = np.random.default_rng([10, n])
            for study in range(n_studies):
                counts = np.concatenate(
                    [draw_counts(rng, n, first, a), draw_counts(rng, n, second, a)]
                )
                for method, test in METHODS.items():
                    p = test(counts, n)
                    about = {"setting": setting, "n": n, "study": study, "method": method}
                    rows += [
                        {**about, "type": k, "changed": abs(truth[k]) > 1e-9, "p": p[k]}
                        for k in range(len(p))
                    ]
        sys.stderr.write(f"propeller, {setting}: drawn\n")
    return pd.DataFrame(rows)


def propeller_table(n_studies: int = N_STUDIES) -> list[str]:
    """One line per setting, number of donors and method: share of p below .05."""
    rows = propeller_rows(n_studies)
    lines = []
    for (setting, n, method), own in rows.groupby(["setting", "n", "method"], sort=False):
        hit = own["p"] < 0.05
        still, changed = ~own["changed"], own["changed"]
        lines.append(
            [
                setting,
                str(n),
                method,
                rate(hit[still], own["study"][still]),
                rate(hit[changed], own["study"][changed]) if changed.any() else "-",
                f"{own['p'].isna().mean():.3f}",
            ]
        )
    head = ["shares", "donors", "test", "unchanged p < .05", "changed p < .05", "no p"]
    return table(head, lines, left=1)
