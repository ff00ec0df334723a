r"""Communities of cells of several conditions, and which of them the data do not separate.

Two communities are *connected* by three parts: by votes between the conditions, by links within the
source and by links within the targets. Each part is the fraction of the votes or links of the
smaller community that lead to the other one, and the connection is the mean of the parts. No part
alone is enough. Votes from a population that grew a lot swamp every small community that lost its
cells, and links within a condition do not know who became whom.

Two communities are joined when their connection is above :data:`MAX_CONNECTION`, times one plus
half the change of the log2 factor of the larger one. So a small community that lies between two
populations joins the population that it changes less. The pair that is farthest above its limit is
joined first until no pair is left. Then a community that keeps less than :data:`MIN_HELD` of its
votes is no population. It joins, of its most connected neighbours, the one that it changes least.

Communities with too few cells, or that fewer than two donors hold in effect, join the community
that they are connected with most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from cgmm.automatic.origins import DrawnCells
from cgmm.thresholds import MIN_CELLS, MIN_DONORS
from cgmm.transport.coupling import divide

MAX_CONNECTION = 0.1
PER_EFFECT = 0.5  # per log2 unit
MIN_HELD = 0.7
MIN_VOTES = 0.01  # of the cells of a community; with fewer it may be gone or new
NEAR = 0.5  # of the strongest connection
MIN_EFFECTIVE_DONORS = 2.0


class Weighted(Protocol):
    """Anything with weights of the cells, or groups of cells, of one condition."""

    @property
    def weights(self) -> np.ndarray:
        """Shape (n,)."""


class Groups(NamedTuple):
    """Groups of cells of one condition that are never divided.

    Attributes
    ----------
    weights
        Sum of the weights of the cells, shape (n,).
    counts
        Number of cells, shape (n,).
    of_donors
        Sum of the weights of the cells of each donor, shape (n, n_donors).
    """

    weights: np.ndarray
    counts: np.ndarray
    of_donors: np.ndarray


def groups_of(
    cells: DrawnCells, donors: np.ndarray | None, group: np.ndarray | None = None
) -> Groups:
    """Return the groups of the cells of one condition.

    Parameters
    ----------
    cells
        The cells.
    donors
        Donor of every cell, shape (N,); None: one donor for all.
    group
        Group of every cell, 0, 1, ..., shape (N,); None: every cell by itself.
    """
    n_cells = len(cells.weights)
    group = np.arange(n_cells) if group is None else group
    names, code = np.unique(np.zeros(n_cells) if donors is None else donors, return_inverse=True)
    n = int(group.max()) + 1
    held = np.bincount(group * len(names) + code, cells.weights, n * len(names))
    of_donors = held.reshape(n, len(names))
    return Groups(of_donors.sum(axis=1), np.bincount(group, minlength=n), of_donors)


def merged(
    labels: np.ndarray,
    sides: Sequence[Groups],
    votes: Sequence[sp.csr_matrix],
    links: Sequence[sp.csr_matrix],
) -> np.ndarray:
    """Join communities that the data do not separate, one pair at a time.

    Parameters
    ----------
    labels
        Community of every group of cells, source first, shape (n,).
    sides
        The groups of the source, then of every target.
    votes
        Mean votes of the cells of the groups of every target, shapes (n_t, n_0).
    links
        Sums of the links within each condition (:func:`cgmm.automatic.graphs.within_links`).

    Returns
    -------
    Labels 0, 1, ..., shape (n,).
    """
    labels = np.unique(labels, return_inverse=True)[1]
    communities = _Communities(labels, sides, votes, links)
    of = np.arange(int(labels.max()) + 1)
    while len(communities.count) > 1 and (pair := communities.next_pair()) is not None:
        one, other = sorted(pair)
        communities.join(one, other)
        of = np.where(of == other, one, of)
        of -= of > other
    return of[labels]


def joint_table(
    labels: np.ndarray, sides: Sequence[Weighted], votes: Sequence[sp.csr_matrix]
) -> np.ndarray:
    """Return ``J``: shares of each target by population of origin and own population, (T, P, P)."""
    n = int(labels.max()) + 1
    parts = split(labels, sides)
    of_source = member(parts[0], np.ones(len(parts[0])), n)
    return np.stack(
        [
            np.asarray((of_source @ own.T @ member(part, one.weights, n).T).todense())
            for part, one, own in zip(parts[1:], sides[1:], votes, strict=True)
        ]
    )


def split(labels: np.ndarray, sides: Sequence[Weighted]) -> list[np.ndarray]:
    """Return the labels of the cells, or groups of cells, of each condition."""
    return np.split(labels, np.cumsum([len(one.weights) for one in sides])[:-1])


def member(labels: np.ndarray, values: np.ndarray, n: int) -> sp.csr_matrix:
    """Return the matrix that sums cells to communities, each cell times its value, (n, N)."""
    return sp.csr_matrix((values, (labels, np.arange(len(labels)))), (n, len(labels)))


def links_between(
    parts: Sequence[np.ndarray], links: Sequence[sp.csr_matrix], n: int
) -> list[sp.csr_matrix]:
    """Return the sums of the links of every condition between ``n`` communities, (n, n) each."""
    sums = [member(part, np.ones(len(part)), n) for part in parts]
    return [own @ one @ own.T for own, one in zip(sums, links, strict=True)]


class _Communities:
    """Sums over communities: their cells, donors, votes and links."""

    def __init__(
        self,
        labels: np.ndarray,
        sides: Sequence[Groups],
        votes: Sequence[sp.csr_matrix],
        links: Sequence[sp.csr_matrix],
    ) -> None:
        n = int(labels.max()) + 1
        self.count = np.bincount(labels, np.concatenate([one.counts for one in sides]), n)
        self.votes = joint_table(labels, sides, votes)  # (T, n, n)
        parts = split(labels, sides)
        self.links = np.stack([one.toarray() for one in links_between(parts, links, n)])
        self.of_donors = [
            member(part, np.ones(len(part)), n) @ one.of_donors
            for part, one in zip(parts, sides, strict=True)
        ]
        self.half = np.array([[0.5 / one.counts.sum()] for one in sides])
        self.donors_tell = all(one.of_donors.shape[1] >= MIN_DONORS for one in sides)

    def join(self, one: int, other: int) -> None:
        """Add the community ``other`` to ``one``, and drop it."""
        for tables in (self.votes, self.links):
            tables[:, one] += tables[:, other]
            tables[:, :, one] += tables[:, :, other]
        self.votes, self.links = (
            np.delete(np.delete(tables, other, axis=1), other, axis=2)
            for tables in (self.votes, self.links)
        )
        for held in (self.count, *self.of_donors):
            held[one] += held[other]
        self.count = np.delete(self.count, other)
        self.of_donors = [np.delete(held, other, axis=0) for held in self.of_donors]

    def next_pair(self) -> tuple[int, int] | None:
        """Return the pair to join next, or None."""
        connected, effect = self.connection(), self.effect()
        above = connected / (MAX_CONNECTION * (1 + PER_EFFECT * effect))
        alone = self.poor()
        if alone.any():
            one = int(np.flatnonzero(alone)[self.shares().sum(axis=0)[alone].argmin()])
            return one, self._nearest(one, above)
        if above.max() > 1:
            one, other = divmod(int(above.argmax()), len(above))
            return one, other
        held = self.held()
        one = int(held.argmin())
        if held[one] >= MIN_HELD or connected[one].max() <= 0:
            return None
        near = np.flatnonzero(connected[one] >= NEAR * connected[one].max())
        return one, int(near[effect[one, near].argmin()])

    def _nearest(self, one: int, strength: np.ndarray) -> int:
        """Return the most connected community; the largest one when there is no connection."""
        others = self.shares().sum(axis=0) if strength[one].max() <= 0 else strength[one]
        others = others.astype(float)
        others[one] = -1.0
        return int(others.argmax())

    def shares(self) -> np.ndarray:
        """Return the shares of the communities in every condition, shape (1 + T, n)."""
        return np.stack([held.sum(axis=1) for held in self.of_donors])

    def connection(self) -> np.ndarray:
        """Return the mean of the connections by votes and by links on either side, (n, n)."""
        by_votes = np.mean([_crossing(one) for one in self.votes], axis=0)
        by_links = [_crossing(one) for one in self.links]
        return (by_votes + by_links[0] + np.mean(by_links[1:], axis=0)) / 3

    def effect(self) -> np.ndarray:
        """Return how much the log2 factor of the larger of two changes when they are joined.

        With several targets, the largest change over the targets; shape (n, n).
        """
        shares = self.shares()
        size = shares.sum(axis=0)
        logs = np.log2(shares + self.half)
        alone = logs[1:] - logs[0]
        logs = np.log2(shares[:, :, None] + shares[:, None] + self.half[:, :, None])
        together = logs[1:] - logs[0]
        own = np.where(size[:, None] >= size, alone[:, :, None], alone[:, None])
        return np.abs(together - own).max(axis=0)

    def held(self) -> np.ndarray:
        """Return the share of the votes for and from each community that stays in it, (n,)."""
        table = self.votes.sum(axis=0)
        total = table.sum(axis=0) + table.sum(axis=1)
        few = total < MIN_VOTES * self.shares().sum(axis=0)
        return np.where(few, 1.0, divide(2 * np.diag(table), total))

    def poor(self) -> np.ndarray:
        """Return communities with too few cells or an effective number of donors below two, (n,).

        The effective number of donors is the inverse Simpson index of the shares of the donors,
        averaged over the conditions in which the community has cells. With less than two donors in
        effect, a change cannot be distinguished from a peculiarity of one donor. Donors are ignored
        where they are not known or too few.
        """
        poor = self.count < MIN_CELLS
        if not self.donors_tell:
            return poor
        effective = np.stack(
            [divide(held.sum(axis=1) ** 2, np.square(held).sum(axis=1)) for held in self.of_donors]
        )
        mean = divide(effective.sum(axis=0), (effective > 0).sum(axis=0))
        return poor | (mean < MIN_EFFECTIVE_DONORS)


def _crossing(table: np.ndarray) -> np.ndarray:
    """Return entries between two communities over all entries of the smaller one, (n, n)."""
    crossing = table + table.T
    total = table.sum(axis=0) + table.sum(axis=1)
    part = divide(crossing, np.minimum(total[:, None], total))
    np.fill_diagonal(part, 0.0)
    return part
