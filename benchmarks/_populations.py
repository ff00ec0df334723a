"""Shared by the population benchmark: fits with their votes, designs that lost, scores."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.sides import take_sides
from cgmm._utils.leiden import Network
from cgmm.automatic import fit as automatic
from cgmm.automatic.communities import groups_of, joint_table, merged
from cgmm.automatic.graphs import joint_graph, neighbour_graph, within_links
from cgmm.automatic.metric import LearnedMetric
from cgmm.automatic.origins import DrawnCells, assign_to_images, count_origins, mean_votes
from cgmm.automatic.partitions import FittedPartition
from cgmm.automatic.populations import RESOLUTIONS, find_populations
from cgmm.thresholds import MIN_CHANGE
from cgmm.tl._fit_comparison import fit_sides
from cgmm.transport.coupling import divide, share_of_source

Cut = tuple[FittedPartition, LearnedMetric]
MIN_SHARE = 0.02


@dataclass(frozen=True)
class Fitted:
    """A fit of one case: the cells of both sides, what the fit says of them, the true labels."""

    source: DrawnCells
    target: DrawnCells
    donors: tuple[np.ndarray | None, np.ndarray | None]
    responsibilities: tuple[np.ndarray, np.ndarray]
    cuts: list[Cut]
    votes: list[sp.csr_matrix]
    log2_net: np.ndarray  #: of the components
    labels: tuple[np.ndarray, np.ndarray]


class Answer(NamedTuple):
    """Population of every cell of both sides, log2 factor and verdict of each population."""

    source: np.ndarray
    target: np.ndarray
    log2_net: np.ndarray
    settled: np.ndarray | None = None


def fitted(case: Any, label_key: str, seed: int, kept: Path | None) -> Fitted:
    """Fit a case, or read the fit that is ``kept`` from an earlier run of this benchmark."""
    if kept is not None and kept.is_file():
        return pickle.loads(kept.read_bytes())
    found = take_sides(
        case.adata,
        Comparison(
            condition_key=case.condition_key,
            source=case.source,
            target=case.target,
            use_rep=case.rep,
            donor_key=case.donor_key,
        ),
    )
    with (
        patch.object(automatic, "count_origins", wraps=count_origins) as spy,
        patch.object(automatic, "find_populations", wraps=find_populations) as find,
    ):
        fit = fit_sides(found, random_state=seed)
    source, target, votes = find.call_args.args
    _, _, cut, _, cuts, _ = spy.call_args.args
    r = cut.source.responsibilities(source.points), cut.target.responsibilities(target.points)
    if len(source.points) < len(found.rows.source) or len(target.points) < len(found.rows.target):
        msg = f"{case.name} has more cells than are drawn: labels would not fit the cells."
        raise ValueError(msg)
    labels = case.adata.obs[label_key].astype(str).to_numpy()
    one = Fitted(
        source,
        target,
        tuple(found.donors),
        r,
        cuts,
        votes,
        fit.log2_net,
        (labels[case.is_source], labels[case.is_target]),
    )
    if kept is not None:
        kept.write_bytes(pickle.dumps(one))
    return one


# Designs -----------------------------------------------------------------------------------


def components(fit: Fitted) -> Answer:
    """Components as they are, as reports show them without populations."""
    labels = [r.argmax(1) for r in fit.responsibilities]
    return Answer(labels[0], _follow(fit, labels[0]), fit.log2_net)


def by_shared_votes(fit: Fitted, limit: float = 0.15) -> Answer:
    """Design A: agglomerate source components that share the votes of target cells."""
    member = one_hot(fit.responsibilities[0].argmax(1), fit.responsibilities[0].shape[1])
    dealt = mean_votes(fit.votes) @ member
    return _read(fit, agglomerated(_dense(dealt.T @ sp.diags(fit.target.weights) @ dealt), limit))


def by_simulation(fit: Fitted, limit: float = 0.15) -> Answer:
    """Design B: carry half of the source cells by one partition, read them with the next; merge.

    Components that the reading of the carried cells confuses are merged: a thinned one would be
    read into the other.
    """
    rng = np.random.default_rng(0)
    r = fit.responsibilities[0]
    member = one_hot(r.argmax(1), r.shape[1])
    half = rng.random(len(r)) < 0.5
    total = np.zeros((r.shape[1], r.shape[1]))
    for (cut, _), reader in zip(fit.cuts, fit.cuts[1:] + fit.cuts[:1], strict=True):
        to = share_of_source(cut.coupling)
        step = np.where(to.sum(1, keepdims=True) > 0, to @ cut.target.means - cut.source.means, 0)
        points = fit.source.points
        carried = points[half] + cut.source.responsibilities(points[half]) @ step
        votes = assign_to_images(points[~half], carried, fit.source.weights[~half], reader)
        told = member[half].T @ sp.diags(fit.source.weights[half]) @ votes @ member[~half]
        total += _dense(told)
    return _read(fit, agglomerated(total + total.T, limit))


def by_coarse_clusters(fit: Fitted, resolution: float = 0.5, limit: float = 0.5) -> Answer:
    """Design C: coarse clusters of each side, merged where the other side links them by votes."""
    found = [
        Network(neighbour_graph(one.points, None)).leiden(resolution=resolution, random_state=0)
        for one in (fit.source, fit.target)
    ]
    member = [one_hot(labels, labels.max() + 1) for labels in found]
    table = _dense(member[0].T @ mean_votes(fit.votes).T @ sp.diags(fit.target.weights) @ member[1])
    overlap = table @ divide(table, np.broadcast_to(table.sum(0), table.shape)).T
    labels = agglomerated(overlap, limit)[found[0]]
    return _answer(fit, labels)


def by_coarse_joint_graph(fit: Fitted, resolution: float = 0.5, limit: float = 0.15) -> Answer:
    """Design D: coarse communities of one graph of both sides, merged where votes cross."""
    found = _communities(fit, resolution)
    votes = [mean_votes(fit.votes)]
    table = joint_table(found, (fit.source, fit.target), votes)[0]
    return _counted(fit, agglomerated(table + table.T, limit)[found])


def by_one_search(fit: Fitted, resolution: float = RESOLUTIONS[0]) -> Answer:
    """Design E: fine communities, joined where votes and links on both sides connect them."""
    found = _communities(fit, resolution)
    sides = [groups_of(*one) for one in zip((fit.source, fit.target), fit.donors, strict=True)]
    return _counted(fit, merged(found, sides, [mean_votes(fit.votes)], _links(fit)))


def _links(fit: Fitted) -> list[sp.csr_matrix]:
    sides = fit.source, fit.target
    graphs = [neighbour_graph(x.points, who) for x, who in zip(sides, fit.donors, strict=True)]
    return within_links(sides, graphs)


def _communities(fit: Fitted, resolution: float) -> np.ndarray:
    graph = joint_graph(_links(fit), (fit.source, fit.target), [mean_votes(fit.votes)])
    return Network(graph).leiden(resolution=resolution, random_state=0)


def _counted(fit: Fitted, labels: np.ndarray) -> Answer:
    """Return populations whose factors are counted over the cells of both sides."""
    n = int(labels.max()) + 1
    parts = np.split(labels, [len(fit.source.points)])
    logs = [
        np.log2(np.bincount(own, one.weights, n) + 0.5 / len(own))
        for own, one in zip(parts, (fit.source, fit.target), strict=True)
    ]
    return Answer(parts[0], parts[1], logs[1] - logs[0])


def jointly(fit: Fitted) -> Answer:
    """Design F: the consensus of several searches, as the package has it."""
    one = find_populations(
        fit.source,
        fit.target,
        fit.votes,
        donors_source=fit.donors[0],
        donors_target=fit.donors[1],
    )
    settled = (np.abs(one.alternatives) <= MIN_CHANGE).all(axis=0)
    return Answer(one.of_source_cells, one.of_target_cells, one.log2_net, settled)


DESIGNS = {
    "components": components,
    "A shared votes": by_shared_votes,
    "B simulation": by_simulation,
    "C coarse clusters": by_coarse_clusters,
    "D joint graph": by_coarse_joint_graph,
    "E one search": by_one_search,
    "F consensus": jointly,
}


def agglomerated(table: np.ndarray, limit: float) -> np.ndarray:
    """Merge the pair that is mixed most, by the smaller of the two, while it is above a limit."""
    table, labels = table.copy(), np.arange(len(table))
    while True:
        total = table.sum(1)
        mixed = divide(table, np.minimum(total[:, None], total))
        np.fill_diagonal(mixed, -1.0)
        one, other = np.unravel_index(int(mixed.argmax()), mixed.shape)
        if mixed[one, other] <= limit:
            return np.unique(labels, return_inverse=True)[1]
        table[one] += table[other]
        table[:, one] += table[:, other]
        table[other], table[:, other] = 0.0, 0.0
        labels[labels == other] = one


def one_hot(labels: np.ndarray, n: int) -> sp.csr_matrix:
    """Membership, shape (N, n)."""
    return sp.csr_matrix((np.ones(len(labels)), (np.arange(len(labels)), labels)), (len(labels), n))


def _dense(matrix: sp.spmatrix) -> np.ndarray:
    return np.asarray(matrix.todense())


def _follow(fit: Fitted, labels: np.ndarray) -> np.ndarray:
    """Return the population for which each target component votes most, at its cells."""
    r = fit.responsibilities[1]
    member = one_hot(r.argmax(1), r.shape[1])
    dealt = mean_votes(fit.votes) @ one_hot(labels, labels.max() + 1)
    return _dense(member.T @ sp.diags(fit.target.weights) @ dealt).argmax(1)[r.argmax(1)]


def _read(fit: Fitted, of_components: np.ndarray) -> Answer:
    return _answer(fit, of_components[fit.responsibilities[0].argmax(1)])


def _answer(fit: Fitted, labels: np.ndarray) -> Answer:
    labels = np.unique(labels, return_inverse=True)[1]
    n = labels.max() + 1
    came = np.bincount(labels, mean_votes(fit.votes).T @ fit.target.weights, n)
    there = np.bincount(labels, fit.source.weights, n)
    half = 0.5 / len(fit.target.points)
    return Answer(labels, _follow(fit, labels), np.log2(came + half) - np.log2(there))


# Scores ------------------------------------------------------------------------------------


def scores(fit: Fitted, answer: Answer) -> dict[str, float]:
    """Return number, size, purity and error of the populations of an answer.

    The truth of a row is the log2 ratio of the shares, donors counted equally, of the label that
    most of its source cells carry (``source``) or that most of its cells of both sides carry
    (``either``); rows count when they have 2 % of the source cells, or of the cells of a side.
    """
    names, codes = np.unique(np.concatenate(fit.labels), return_inverse=True)
    cells = (fit.source, fit.target)
    code = codes[: len(fit.labels[0])], codes[len(fit.labels[0]) :]
    n = max(answer.source.max(), answer.target.max()) + 1
    held = np.zeros((2, n, len(names)))
    for side, labels in enumerate((answer.source, answer.target)):
        np.add.at(held[side], (labels, code[side]), cells[side].weights)
    half = np.array([0.5 / len(one.points) for one in cells])
    source, target = held.sum(1) + half[:, None]
    truth = np.log2(target) - np.log2(source)
    share = held.sum(2)
    log2 = np.full(n, np.nan)
    log2[: len(answer.log2_net)] = answer.log2_net
    log2 = np.maximum(log2, np.log2(half[1]))  # of a component that is gone

    def error(rows: np.ndarray, main: np.ndarray) -> float:
        rows = rows & ~np.isnan(log2)
        return float(np.sqrt(np.mean((log2 - truth[main])[rows] ** 2)))

    count = np.bincount(answer.source, minlength=n) + np.bincount(answer.target, minlength=n)
    return {
        "n": int((count > 0).sum()),
        "small": int(((count < 20) & (count > 0)).sum()),
        "purity": float(held.sum(0).max(1).sum() / 2),
        "source": error(share[0] > MIN_SHARE, held[0].argmax(1)),
        "either": error(share.max(0) > MIN_SHARE, held.sum(0).argmax(1)),
    }


def moved(fit: Fitted, answers: list[Answer], limit: float) -> tuple[int, int, int]:
    """Count populations of the first answer that another moves by more than a limit.

    Returns
    -------
    How many move, how many of them are called settled, and how many populations there are.
    """
    first = answers[0]
    there = np.bincount(first.source, fit.source.weights, len(first.log2_net))
    far = np.zeros(len(there), dtype=bool)
    for other in answers[1:]:
        weight = fit.source.weights * np.exp2(other.log2_net[other.source])
        factor = divide(np.bincount(first.source, weight, len(there)), there)
        with np.errstate(divide="ignore"):
            far |= (there > 0) & (np.abs(np.log2(factor) - first.log2_net) > limit)
    settled = np.zeros(len(far), bool) if first.settled is None else first.settled
    return int(far.sum()), int((far & settled).sum()), len(far)
