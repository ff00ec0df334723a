"""Comparisons made from real cells: donors, shares and states are drawn, types keep their shapes.

Control cells of Kang et al. are projected on 15 principal components.  A cell of a type is a real
cell of that type, pulled a little towards the mean of the type and blurred by as much, so that mean
and covariance of the type stay (a smoothed bootstrap) and no cell is drawn twice.  Types are not
Gaussian and touch one another, as in the data.

Donors differ in their shares (Dirichlet, or a logistic normal with a common axis of the myeloid
cells), in the state of all their cells, in the state of each type, and in their number of cells.
A shift moves every type by so many standard deviations within the type, in a direction of its own.

Inside a type, a tilt draws its cells with odds that rise along the main axis of the type, so the
shares of its parts change and no cell moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
from _common import DATA
from _donor_cases import Case, embed

N_DIMS = 15
MIN_TYPE = 100  # cells; rarer types are left out
BLUR = 0.4  # part of the covariance of a type that is noise
OFFSET_SD = 0.28  # state of a donor, per axis; half of the variance is per type
CONCENTRATION = 40.0  # of the Dirichlet
LOGISTIC_SD, AXIS_SD = 0.3, 0.3
CELLS = (120, 900)  # cells per donor, log-uniform
ODD_SD = 3.0
MYELOID = ("CD14 Mono", "CD16 Mono", "DC")
BATCH_SD = 0.6  # of the log shares and, in standard deviations, of the state


@dataclass(frozen=True)
class Plan:
    """One line of the tables: how many donors, and what is odd about them."""

    source: int = 6  #: donors of the source
    target: int = 6
    shift: float = 0.0  #: standard deviations within a type
    change: float = 0.0  #: log2; two types exchange their shares
    pairs: int = 0  #: donors that are in both conditions; they come first
    odd: str = ""  #: "batch", "outlier", "tiny", "lost" or ""
    tilt: float = 0.0  #: log-odds per sd of the main axis, up in one type and down in another
    tilt_sd: float = 0.0  #: the same, between donors and for every type
    cells: tuple[int, int] = CELLS

    @property
    def name(self) -> str:
        """Name of the line."""
        paired = f", {self.pairs} pairs" if self.pairs else ""
        return f"{self.source} v {self.target}{paired}{', ' + self.odd if self.odd else ''}"


class RealCase(Case):
    """Cells of two conditions, with the true moves of the types and the batches of the cells."""

    moves: np.ndarray  #: (n_types, D)
    batches: tuple[np.ndarray, np.ndarray] | None
    tilts: np.ndarray  #: (n_types,), of the target
    along: np.ndarray  #: place of every source cell on the main axis of its type, in sd, (N0,)


@cache
def types(data: Path = DATA) -> tuple[list[np.ndarray], list[str]]:
    """Return the points of every type of the control cells, and the names of the types."""
    adata = ad.read_h5ad(data / "kang_ifnb.h5ad")
    adata = adata[(adata.obs["condition"] == "ctrl").to_numpy()].copy()
    embed(adata, N_DIMS)
    of_cells = adata.obs["cell_type"].astype(str).to_numpy()
    names, counts = np.unique(of_cells, return_counts=True)
    names = names[counts >= MIN_TYPE]
    points = np.asarray(adata.obsm["X_pca"], float)
    return [points[of_cells == name] for name in names], [str(name) for name in names]


def draw(design: Plan, seed: int, *, data: Path = DATA) -> RealCase:
    """Draw a comparison.

    Parameters
    ----------
    design
        What to draw.
    seed
        Of the replicate.
    data
        Folder of the data.
    """
    rng = np.random.default_rng([seed, 19])
    clouds, names = types(data)
    base = np.array([len(c) for c in clouds], float)
    base = np.maximum(base / base.sum(), 0.03)
    base /= base.sum()
    centres = [c.mean(axis=0) for c in clouds]
    roots = [np.linalg.cholesky(np.cov(c.T) + 1e-6 * np.eye(N_DIMS)) for c in clouds]
    base, log2_net = _changed(base, design, rng)
    moves = np.stack([design.shift * root @ _direction(rng) for root in roots])
    after = base * np.exp2(log2_net)
    after /= after.sum()
    myeloid = np.isin(names, MYELOID).astype(float)
    logistic = bool(seed % 2)
    n_donors = design.source + design.target - design.pairs
    state = _states(n_donors, roots, rng)
    batch = rng.permutation(np.arange(n_donors) % 2)
    of_batch = rng.normal(size=len(base)) * BATCH_SD
    batch_state = np.stack([root @ _direction(rng) * BATCH_SD for root in roots])
    effect = _effect(n_donors, myeloid, rng) if logistic else np.zeros((n_donors, len(base)))
    gamma = rng.gamma(CONCENTRATION * base, size=(n_donors, len(base))) / (CONCENTRATION * base)
    own = np.exp(effect) if logistic else np.maximum(gamma, 1e-4)
    axes = [_along(cloud) for cloud in clouds]
    tilts, of_donors = _tilts(design, seed, n_donors, [len(c) for c in clouds])
    sides = []
    for side, n in enumerate((design.source, design.target)):
        who = np.arange(n) if side == 0 else _of_target(design)
        points, donors, labels, batches, along = [], [], [], [], []
        for position, d in enumerate(who):
            shares = (after if side else base) * own[d]
            if design.pairs:  # what a donor's two samples do not share
                shares = shares * np.exp(rng.normal(size=len(base)) * 0.15)
            if design.odd == "batch":
                shares = shares * np.exp(batch[d] * of_batch)
            n_cells = int(np.exp(rng.uniform(*np.log(design.cells))))
            last = position == n - 1 and side == 0
            if design.odd.startswith("tiny") and last:
                n_cells = int(design.odd[4:] or 15)
            label = rng.choice(len(base), n_cells, p=shares / shares.sum())
            x, place = np.empty((n_cells, N_DIMS)), np.empty(n_cells)
            for k in np.unique(label):
                here = np.flatnonzero(label == k)
                chosen = _chosen(axes[k], side * tilts[k] + of_donors[d, k], len(here), rng)
                place[here] = axes[k][chosen]
                x[here] = _cells(clouds[k][chosen], centres[k], roots[k], rng) + state[d, k]
                x[here] += side * moves[k] + (design.odd == "batch") * batch[d] * batch_state[k]
                if design.odd == "outlier" and last:
                    x[here] += ODD_SD * roots[k] @ _direction(rng)
            points.append(x)
            name = f"d{d}" if design.pairs else f"{'st'[side]}{d}"
            donors.append(np.full(n_cells, name, dtype=object))
            labels.append(label)
            batches.append(np.full(n_cells, f"batch {batch[d]}", dtype=object))
            along.append(place)
        parts = (np.concatenate(v) for v in (points, donors, labels, batches, along))
        sides.append(tuple(parts))
    case = _case(sides, np.log2(after / base), batched=design.odd == "batch")
    case.moves, case.tilts = moves, tilts
    return case


def _case(sides: list[tuple[np.ndarray, ...]], truth: np.ndarray, *, batched: bool) -> RealCase:
    """Return points, donors, labels, batches and places of both sides as a case."""
    case = RealCase(
        (sides[0][0].astype(np.float32), sides[1][0].astype(np.float32)),
        (sides[0][1], sides[1][1]),
        (sides[0][2], sides[1][2]),
        truth,
    )
    case.batches = (sides[0][3], sides[1][3]) if batched else None
    case.along = sides[0][4]
    return case


def _changed(
    base: np.ndarray, design: Plan, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of the source and the log2 changes of the types."""
    change = np.zeros(len(base))
    first, second = rng.choice(len(base), 2, replace=False)
    if design.odd == "lost":
        base = base.copy()
        base[first] = 0.12
        base /= base.sum()
        change[first] = -np.log2(40)
    elif design.change:
        base = base.copy()
        base[[first, second]] = 0.06, 0.06 * 2**design.change
        base /= base.sum()
        change[[first, second]] = design.change, -design.change
    return base, change


def _of_target(design: Plan) -> np.ndarray:
    """Return the donors of the target: the pairs first, then donors of the target alone."""
    alone = design.source + np.arange(design.target - design.pairs)
    return np.concatenate([np.arange(design.pairs), alone])


def _direction(rng: np.random.Generator) -> np.ndarray:
    v = rng.normal(size=N_DIMS)
    return v / np.linalg.norm(v)


def _states(n_donors: int, roots: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return the offset of every type in every donor, shape (n_donors, n_types, D)."""
    common, own = rng.normal(size=(2, n_donors, len(roots), N_DIMS)) * OFFSET_SD / np.sqrt(2)
    common = common[:, :1]
    return np.einsum("kij,dkj->dki", np.stack(roots), common + own)


def _effect(n_donors: int, myeloid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return effects of the donors on the log shares, (n_donors, n_types)."""
    free = rng.normal(size=(n_donors, len(myeloid))) * LOGISTIC_SD
    return free + rng.normal(size=(n_donors, 1)) * AXIS_SD * myeloid


def _along(cloud: np.ndarray) -> np.ndarray:
    """Return the places of the cells of a type on its main axis, in standard deviations."""
    off = cloud - cloud.mean(axis=0)
    scores = off @ np.linalg.svd(off, full_matrices=False)[2][0]
    return scores / scores.std()


def _tilts(
    design: Plan, seed: int, n_donors: int, sizes: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return tilts of the target, (n_types,), and of the donors, (n_donors, n_types).

    Two of the four largest types have a tilt in the target.
    """
    rng = np.random.default_rng([seed, 23])
    up, down = rng.choice(np.argsort(sizes)[-4:], 2, replace=False)
    tilts = np.zeros(len(sizes))
    tilts[[up, down]] = design.tilt, -design.tilt
    return tilts, rng.normal(size=(n_donors, len(sizes))) * design.tilt_sd


def _chosen(along: np.ndarray, tilt: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n cells of a type, with odds that rise along its main axis."""
    if tilt == 0:
        return rng.integers(len(along), size=n)
    odds = np.exp(tilt * along)
    return rng.choice(len(along), n, p=odds / odds.sum())


def _cells(
    drawn: np.ndarray, centre: np.ndarray, root: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return cells of a type near drawn ones: a smoothed bootstrap keeps mean and covariance."""
    noise = rng.normal(size=drawn.shape) @ root.T
    return centre + np.sqrt(1 - BLUR**2) * (drawn - centre) + BLUR * noise
