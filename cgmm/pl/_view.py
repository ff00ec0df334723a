"""Shares and masses that figures draw, of components or summed to the levels of an annotation."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np

from cgmm import get
from cgmm.pair import SIDES, Pair
from cgmm.pl._style import NEW, Colour, colours, to_rgb
from cgmm.transport.coupling import transfer_mass

TINY = 1e-12  # avoids a division by zero for a target without mass


class View(NamedTuple):
    """Names and shares of both sides, and the masses between them."""

    names_source: np.ndarray  #: (n0,)
    names_target: np.ndarray  #: (n1,)
    share_source: np.ndarray  #: (n0,)
    share_target: np.ndarray  #: (n1,)
    leaves: np.ndarray  #: (n0, n1) fraction of all source cells
    enters: np.ndarray  #: (n0, n1) fraction of all target cells
    main: np.ndarray  #: (n1,) main source of a target, -1 for new targets
    gone: np.ndarray  #: (n0,) bool
    new: np.ndarray  #: (n1,) bool

    @property
    def rows(self) -> np.ndarray:
        """Order of the sources, the largest first."""
        return np.argsort(-self.share_source, kind="stable")

    @property
    def columns(self) -> np.ndarray:
        """Order of the targets: by main source, then best match first; new targets last."""
        n = len(self.share_source)
        place = np.empty(n + 1)
        place[self.rows], place[n] = np.arange(n), n
        own = np.append(self.enters, np.zeros((1, self.enters.shape[1])), axis=0)
        part = own[self.main, np.arange(len(self.main))]
        part = part / np.maximum(self.enters.sum(axis=0), TINY)
        return np.lexsort((-part, place[self.main]))

    @property
    def colours(self) -> Pair[list[Colour]]:
        """Colours of both sides: a target has the colour of its source, a new target is grey."""
        own = dict(zip(self.rows.tolist(), colours(len(self.rows)), strict=True))
        grey = to_rgb(NEW)
        return Pair([own[k] for k in range(len(own))], [own.get(int(k), grey) for k in self.main])


def view(adata: ad.AnnData, *, by: str | None, key: str) -> View:
    """Return the view of the components of a fit, or of the levels of an annotation.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to sum to, or None for the components themselves.
    key
        The ``key_added`` of the fit.
    """
    return _of_components(adata, key) if by is None else _of_levels(adata, by, key)


def _of_components(adata: ad.AnnData, key: str) -> View:
    """Return the view of the components of a fit."""
    came, went = get.arrivals(adata, key=key), get.factors(adata, key=key)
    fit, parts = get.fit(adata, key=key), get.components(adata, key=key)
    source, target = (parts.loc[parts["side"] == s, "name"].to_numpy(object) for s in SIDES)
    leaves = transfer_mass(fit.coupling, fit.shares_source)
    enters = fit.origin * fit.shares_target
    gone, new = ((table["status"] != "").to_numpy() for table in (went, came))
    main = np.where(new, -1, enters.argmax(axis=0))
    shares = fit.shares_source, fit.shares_target
    return View(source, target, *shares, leaves, enters, main, gone, new)


def _of_levels(adata: ad.AnnData, by: str, key: str) -> View:
    """Return the view of the levels of an annotation that each side has."""
    went = get.factors(adata, by=by, key=key)
    went = went[went["log2_net"].notna()]  # levels that source cells have
    came = get.arrivals(adata, by=by, key=key)
    sources, targets = (table["name"].to_numpy(object) for table in (went, came))
    row, column = ({name: i for i, name in enumerate(names)} for names in (sources, targets))
    leaves, enters = (np.zeros((len(sources), len(targets))) for _ in range(2))
    pairs = get.transfers(adata, by=by, key=key)
    pairs = pairs[pairs["source"].isin(sources) & pairs["target"].isin(targets)]
    place = pairs["source"].map(row).to_numpy(), pairs["target"].map(column).to_numpy()
    leaves[place], enters[place] = pairs["mass"], pairs["mass_target"]
    gone, new = ((table["status"] != "").to_numpy() for table in (went, came))
    # the main source of a level is the same level where both sides have it
    likely = np.where(new, -1, enters.argmax(axis=0))
    main = np.array([row.get(name, i) for name, i in zip(targets, likely, strict=True)])
    shares = went["share_source"].to_numpy(), came["share_target"].to_numpy()
    return View(sources, targets, *shares, leaves, enters, main, gone, new)
