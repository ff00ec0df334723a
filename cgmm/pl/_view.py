"""What flows from where to where, for figures: of components, or summed to an annotation."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np

from cgmm import get
from cgmm.get._by import MIN_SHARE, summed
from cgmm.pair import SIDES
from cgmm.pl._style import NEW, Colour, colours, to_rgb
from cgmm.transport.coupling import transfer_mass


class View(NamedTuple):
    """Two sides and the masses between them."""

    names_source: np.ndarray  #: (n0,)
    names_target: np.ndarray  #: (n1,)
    share_source: np.ndarray  #: (n0,)
    share_target: np.ndarray  #: (n1,)
    leaves: np.ndarray  #: (n0, n1) fraction of all source cells
    enters: np.ndarray  #: (n0, n1) fraction of all target cells
    main: np.ndarray  #: (n1,) source that a target belongs to, -1 for those that are new
    gone: np.ndarray  #: (n0,) bool
    new: np.ndarray  #: (n1,) bool

    @property
    def rows(self) -> np.ndarray:
        """Sources, largest first."""
        return np.argsort(-self.share_source, kind="stable")

    @property
    def columns(self) -> np.ndarray:
        """Targets in the order of the sources they belong to, best match first; new ones last."""
        n = len(self.share_source)
        place = np.empty(n + 1)
        place[self.rows], place[n] = np.arange(n), n
        own = np.append(self.enters, np.zeros((1, self.enters.shape[1])), axis=0)
        part = own[self.main, np.arange(len(self.main))]
        part = part / np.maximum(self.enters.sum(axis=0), MIN_SHARE)
        return np.lexsort((-part, place[self.main]))

    @property
    def colours(self) -> tuple[list[Colour], list[Colour]]:
        """Colours of both sides: a target has that of its source, a new one is grey."""
        own = dict(zip(self.rows.tolist(), colours(len(self.rows)), strict=True))
        grey = to_rgb(NEW)
        return [own[k] for k in range(len(own))], [own.get(int(k), grey) for k in self.main]


def view(adata: ad.AnnData, *, by: str | None, key: str) -> View:
    """Collect a fit for :func:`cgmm.pl.flow` and its like.

    Parameters
    ----------
    by
        Column of ``obs`` to sum to, or None for the components themselves.
    """
    came = get.arrivals(adata, key=key, by=by)
    went = get.factors(adata, key=key, by=by)
    if by is None:
        fit = get.fit(adata, key=key)
        s, t = fit.shares_source, fit.shares_target
        leaves = transfer_mass(fit.coupling, s)
        enters = fit.origin * t
        parts = get.components(adata, key=key)
        names = [parts.loc[parts["side"] == side, "name"].to_numpy(object) for side in SIDES]
    else:
        found = summed(adata, by, key=key)
        rows = found.share_source > MIN_SHARE
        columns = found.share_target > MIN_SHARE
        s, t = found.share_source[rows], found.share_target[columns]
        leaves, enters = (m[np.ix_(rows, columns)] for m in (found.leaves, found.enters))
        names = [found.levels[rows], found.levels[columns]]
        went = went[rows]
    new, gone = ((table["status"] != "").to_numpy() for table in (came, went))
    main = np.where(new, -1, enters.argmax(axis=0))
    if by is not None:  # a level belongs to itself where both sides have it
        place = {name: i for i, name in enumerate(names[0])}
        main = np.array([place.get(name, i) for name, i in zip(names[1], main, strict=True)])
    return View(names[0], names[1], s, t, leaves, enters, main, gone, new)
