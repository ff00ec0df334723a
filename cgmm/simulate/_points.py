"""Cells in a latent space: Gaussian subpopulations of two conditions, donors and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.keys import BATCH, CELL_TYPE, CONDITION, DONOR, PCA, TRUTH
from cgmm._utils.arguments import check_number, check_seed
from cgmm.pair import SIDES
from cgmm.simulate._common import (
    NAMES,
    check_sizes,
    donor_effects,
    donor_names,
    log2_ratio,
    obs_table,
    simplex,
    split,
)


class SimulatedPoints(NamedTuple):
    """Cells in a latent space, and the parameters from which the cells were drawn."""

    points: np.ndarray  #: (n_cells, n_dims)
    condition: np.ndarray  #: (n_cells,), "source" or "target"
    donor: np.ndarray  #: (n_cells,)
    batch: np.ndarray  #: (n_cells,)
    component: np.ndarray  #: (n_cells,), index of the true subpopulation
    truth: dict[str, np.ndarray]  #: names, shares, log2_net, shift, means, covariances

    def to_anndata(self, *, use_rep: str = PCA) -> ad.AnnData:
        """Return the cells as an AnnData without genes.

        Parameters
        ----------
        use_rep
            Name of the ``obsm`` entry for the points.

        Returns
        -------
        AnnData with ``obs`` condition, donor, batch, sample, cell_type (the true subpopulation) and
        ``uns["truth"]``.
        """
        names = self.truth["names"]
        obs = obs_table(
            {
                CONDITION: self.condition,
                DONOR: self.donor,
                BATCH: self.batch,
                CELL_TYPE: names[self.component],
            }
        )
        adata = ad.AnnData(obs=obs)
        adata.obsm[use_rep] = self.points
        adata.uns[TRUTH] = dict(self.truth)
        return adata


def points(
    *,
    n_components: int = 4,
    n_dims: int = 5,
    n_cells: int = 2000,
    n_donors: int = 4,
    shares: Sequence[float] | None = None,
    log2_change: Sequence[float] | float = 0.0,
    shift: Sequence[float] | float = 0.0,
    shift_direction: Literal["own", "common"] = "own",
    separation: float = 8.0,
    means: np.ndarray | None = None,
    donor_share_sd: float = 0.2,
    donor_mean_sd: float = 0.0,
    batch_sd: float = 0.0,
    n_batches: int = 2,
    paired: bool = False,
    random_state: int = 0,
) -> SimulatedPoints:
    """Draw cells of two conditions in a latent space.

    Parameters
    ----------
    n_components, n_dims
        Number of true subpopulations and of dimensions.
    n_cells
        Number of cells of each condition, split evenly over its donors.
    n_donors
        Number of donors of each condition.
    shares
        Source shares, shape (n_components,), scaled to sum to one; None: equal shares.
    log2_change
        Requested log2 change of each subpopulation, shape (n_components,) or one number for all;
        ``-inf`` removes a subpopulation from the target.
    shift
        Length of the move of each subpopulation's mean from source to target, in units of the
        within-subpopulation standard deviation along one axis (which is 1).
    shift_direction
        "own": each subpopulation moves in a random direction of its own; "common": all
        subpopulations move in one direction, like subpopulations with a common programme.
    separation
        Typical distance between two means, in the same units as ``shift``.
    means
        Source means, shape (n_components, n_dims). By default drawn with ``separation``.
    donor_share_sd
        Standard deviation of a donor's log shares (natural logarithm).
    donor_mean_sd, batch_sd
        Standard deviation, per axis, of the offset of all cells of a donor, and of a batch.
    n_batches
        Number of batches; donors of each condition are assigned to the batches in turn.
    paired
        Whether both conditions have the same donors, with the same random effects.
    random_state
        Seed. The same seed gives the same cells.

    Returns
    -------
    SimulatedPoints

    Raises
    ------
    TypeError
        When a parameter has the wrong type.
    ValueError
        When a shape does not fit ``n_components`` and ``n_dims``, a size is not positive or the
        direction is not known.

    Examples
    --------
    >>> drawn = cg.simulate.points(n_cells=400, log2_change=[1, 0, 0, -1])
    >>> drawn.points.shape
    (800, 5)
    >>> drawn.truth["log2_net"].round(2)
    array([ 0.83, -0.17, -0.17, -1.17])
    """
    check_sizes(n_cells, n_donors, n_components=n_components, n_dims=n_dims, n_batches=n_batches)
    for name, value in (
        ("separation", separation),
        ("donor_share_sd", donor_share_sd),
        ("donor_mean_sd", donor_mean_sd),
        ("batch_sd", batch_sd),
    ):
        check_number(name, value, 0.0)
    check_seed(random_state)
    rng = np.random.default_rng(random_state)
    source = simplex(_vector(shares if shares is not None else 1.0, n_components, "shares"))
    change = _vector(log2_change, n_components, "log2_change")
    length = _vector(shift, n_components, "shift")
    if not np.isfinite(length).all():
        msg = f"shift must be finite, got {length.tolist()}."
        raise ValueError(msg)
    target = simplex(source * np.exp2(change))

    if means is None:
        means0 = rng.normal(size=(n_components, n_dims))
        means0 *= separation / np.sqrt(2 * n_dims)
        means0 = _spread(means0, separation, rng)
    else:
        means0 = _means(means, n_components, n_dims)
    means1 = means0 + length[:, None] * _directions(shift_direction, n_components, n_dims, rng)
    factors = _covariance_factors(n_components, n_dims, rng)

    batches = rng.normal(scale=batch_sd, size=(n_batches, n_dims))
    pieces = []
    effects = [donor_effects(n_donors, n_components, n_dims, donor_share_sd, donor_mean_sd, rng)]
    effects.append(
        effects[0]
        if paired
        else donor_effects(n_donors, n_components, n_dims, donor_share_sd, donor_mean_sd, rng)
    )
    for side, (name, base, means) in enumerate(
        zip(SIDES, (source, target), (means0, means1), strict=True)
    ):
        labels = donor_names(side, n_donors, paired=paired)
        for d, n in enumerate(split(n_cells, n_donors)):
            log_share, offset = effects[side][0][d], effects[side][1][d]
            z = rng.choice(n_components, size=n, p=simplex(base * np.exp(log_share)))
            noise = np.einsum("nij,nj->ni", factors[z], rng.normal(size=(n, n_dims)))
            b = d % n_batches
            x = means[z] + noise + offset + batches[b]
            pieces.append((x, [name] * n, [labels[d]] * n, [f"batch{b + 1}"] * n, z))
    x, condition, donor, batch, z = (np.concatenate(part) for part in zip(*pieces, strict=True))
    truth = {
        "names": np.array([_name(k) for k in range(n_components)], dtype=object),
        "shares_source": source,
        "shares_target": target,
        "log2_net": log2_ratio(target, source),
        "shift": length,
        "source_means": means0,
        "target_means": means1,
        "covariances": factors @ factors.transpose(0, 2, 1),
    }
    return SimulatedPoints(
        x, condition.astype(object), donor.astype(object), batch.astype(object), z, truth
    )


def _directions(kind: str, n_components: int, n_dims: int, rng: np.random.Generator) -> np.ndarray:
    """Return drawn directions of the moves, unit vectors of shape (n_components, n_dims)."""
    direction = rng.normal(size=(n_components, n_dims))
    if kind == "common":
        direction[:] = direction[0]
    elif kind != "own":
        msg = f'shift_direction={kind!r} is not known: give "own" or "common".'
        raise ValueError(msg)
    return direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _means(means: np.ndarray, n_components: int, n_dims: int) -> np.ndarray:
    """Return the given means as an array; raise a ValueError when the shape does not fit."""
    given = np.asarray(means, dtype=float)
    if given.shape != (n_components, n_dims) or not np.isfinite(given).all():
        msg = (
            f"means has shape {given.shape}: give finite numbers of shape "
            f"({n_components}, {n_dims}), one row per subpopulation."
        )
        raise ValueError(msg)
    return given


def _spread(means: np.ndarray, separation: float, rng: np.random.Generator) -> np.ndarray:
    """Return means with gaps of at least half the separation, or the best of 50 draws."""
    best, widest = means, -1.0
    for _ in range(50):
        gaps = np.linalg.norm(means[:, None] - means[None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        if gaps.min() > widest:
            best, widest = means, float(gaps.min())
        if widest >= separation / 2:
            break
        means = rng.normal(size=means.shape) * separation / np.sqrt(2 * means.shape[1])
    return best


def _covariance_factors(n_components: int, n_dims: int, rng: np.random.Generator) -> np.ndarray:
    """Return drawn factors L of covariances L L^T with mean variance one per axis, (K, D, D)."""
    q = np.linalg.qr(rng.normal(size=(n_components, n_dims, n_dims)))[0]
    scale = np.exp(rng.normal(scale=0.3, size=(n_components, n_dims)))
    scale /= np.sqrt((scale**2).mean(axis=1, keepdims=True))
    return q * scale[:, None, :]


def _name(k: int) -> str:
    """Return the name of a subpopulation."""
    return NAMES[k] if k < len(NAMES) else f"Population {k + 1}"


def _vector(value: Sequence[float] | float, n: int, what: str) -> np.ndarray:
    """Return n numbers, from n numbers or from one number for all."""
    vector = np.asarray(value, dtype=float)
    if vector.ndim == 0:
        return np.full(n, float(vector))
    if vector.shape != (n,):
        msg = f"{what} has shape {vector.shape}, but there are {n} subpopulations: give {n} values."
        raise ValueError(msg)
    return vector
