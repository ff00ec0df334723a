r"""Names of groups of cells by a marker table.

The score of a type in a group is the t-value of a univariate linear model over all genes (ULM of
decoupler; Badia-i-Mompel et al. 2022, doi:10.1093/bioadv/vbac016). The response is the mean
log-expression of the group less that of all cells. The predictor is 1 for genes that are high in
the type, -1 for genes that are low, and 0 for all other genes:

.. math:: t = r \sqrt{(G - 2) / (1 - r^2)}

where :math:`r` is the correlation of response and predictor over the :math:`G` genes.

The type with the largest score names the group, under two conditions that ``docs/names.md`` tests:

* At least half of its markers with the sign + are *raised*: the mean in the group is above the
  mean of all cells by 0.1 (natural log) or more. Otherwise the group is *unclear*, and has no name.
* The second score is at most 0.7 of the first. Otherwise the group is *mixed*: its cells are of two
  types, or between them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm.genes.change import means
from cgmm.genes.marker_table import FoundMarkers
from cgmm.tables import MIXED, UNCLEAR

CLEAR = "clear"
MIN_RAISED = 0.1  # natural log units above the mean of all cells
MIN_SHARE_RAISED = 0.5
MAX_RUNNER_UP = 0.7  # of the largest score


class GroupNames(NamedTuple):
    """Names of groups of cells, and what they rest on. Lists have one entry per group."""

    names: list[str]  #: the type, "mixed A/B", or "" where unclear
    verdicts: list[str]  #: "clear", "mixed" or "unclear"
    best: list[str]  #: the type with the largest score
    score: np.ndarray  #: (K,), its score; NaN for a group without cells
    runner_up: list[str]  #: the type with the second largest score; "" with one type
    runner_up_score: np.ndarray  #: (K,)
    raised: list[list[str]]  #: markers of the best type that are raised
    n_markers: np.ndarray  #: (K,), markers with the sign + of the best type


def name_groups(
    expression: np.ndarray | sp.spmatrix | sp.sparray,
    groups: np.ndarray,
    genes: np.ndarray,
    markers: FoundMarkers,
    *,
    weights: np.ndarray | None = None,
) -> GroupNames:
    """Name groups of cells by a marker table.

    Parameters
    ----------
    expression
        Log-normalised expression (natural log) of the cells of both conditions together, shape
        (n_cells, n_genes), dense or sparse.
    groups
        Group of each cell as 0, 1, ... K - 1, shape (n_cells,), -1 for cells without a group; or
        memberships, shape (n_cells, K).
    genes
        Names of the genes, length n_genes.
    markers
        The markers among these genes.
    weights
        Weights of cells, shape (n_cells,); None: equal weights.

    Returns
    -------
    GroupNames
    """
    memberships = groups
    if groups.ndim == 1:
        memberships = (groups[:, None] == np.arange(groups.max(initial=-1) + 1)).astype(float)
    masses = memberships if weights is None else memberships * weights[:, None]
    means_of_groups = means(expression, memberships, weights=weights)
    return name_by_means(means_of_groups, masses.sum(axis=0), genes, markers)


def name_by_means(
    means_of_groups: np.ndarray, mass: np.ndarray, genes: np.ndarray, markers: FoundMarkers
) -> GroupNames:
    """Name groups of cells of which only mean expression is known.

    Parameters
    ----------
    means_of_groups
        Mean log-normalised expression, shape (K, n_genes); NaN for a group without cells.
    mass
        Cells of each group, shape (K,).
    genes
        Names of the genes, length n_genes.
    markers
        The markers among these genes.
    """
    held = np.isfinite(means_of_groups).all(axis=1) & (mass > 0)
    response = np.full(means_of_groups.shape, np.nan)
    if held.any():
        overall = np.average(means_of_groups[held], axis=0, weights=mass[held])
        response[held] = means_of_groups[held] - overall
    scores = linear_scores(response, markers.signs)
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), axis=1, kind="stable")
    named = [_one(response[k], scores[k], order[k], genes, markers) for k in range(len(response))]
    columns = list(map(list, zip(*named, strict=True))) if named else [[] for _ in range(8)]
    return GroupNames(
        columns[0],
        columns[1],
        columns[2],
        np.array(columns[3], dtype=float),
        columns[4],
        np.array(columns[5], dtype=float),
        columns[6],
        np.array(columns[7], dtype=int),
    )


def linear_scores(response: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return the t-values of the linear model of each group on each type.

    Parameters
    ----------
    response
        Shape (K, n_genes).
    signs
        1, -1 or 0, shape (n_types, n_genes).

    Returns
    -------
    Shape (K, n_types): 0 where all responses of a group, or all signs of a type, are equal; NaN for
    a group whose response is NaN.
    """
    y = response - response.mean(axis=1, keepdims=True)
    x = signs - signs.mean(axis=1, keepdims=True)
    norm = np.sqrt((y**2).sum(axis=1))[:, None] * np.sqrt((x**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(norm == 0, 0.0, y @ x.T / norm)
    df = max(response.shape[1] - 2, 1)
    rest = np.maximum(1 - r**2, 1e-12)  # finite when all genes agree
    return r * np.sqrt(df / rest)


def _one(
    response: np.ndarray,
    scores: np.ndarray,
    order: np.ndarray,
    genes: np.ndarray,
    markers: FoundMarkers,
) -> tuple[str, str, str, float, str, float, list[str], int]:
    """Return name, verdict and evidence of one group."""
    types = markers.cell_types
    best, second = order[0], order[1] if len(order) > 1 else None
    runner_up = "" if second is None else types[second]
    below = np.nan if second is None else float(scores[second])
    if not np.isfinite(scores[best]):
        return "", UNCLEAR, "", np.nan, "", np.nan, [], 0
    own = np.flatnonzero(markers.signs[best] > 0)
    high = own[response[own] >= MIN_RAISED]
    raised = [str(genes[g]) for g in high[np.argsort(-response[high], kind="stable")]]
    evidence = types[best], float(scores[best]), runner_up, below, raised, len(own)
    if len(high) < MIN_SHARE_RAISED * len(own):
        return "", UNCLEAR, *evidence
    if second is not None and below > MAX_RUNNER_UP * scores[best]:
        both = "/".join(types[i] for i in sorted((best, second)))  # one name, whichever is first
        return f"mixed {both}", MIXED, *evidence
    return types[best], CLEAR, *evidence
