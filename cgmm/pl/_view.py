"""Shares and masses that figures draw: of components, populations or levels of an annotation."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import get
from cgmm._anndata.populations import POPULATION, STATE
from cgmm.get._population_tables import wants_populations
from cgmm.pair import SIDES, Pair
from cgmm.pl._style import NEW, Colour, colours, to_rgb

GONE = "gone"
TINY = 1e-12  # avoids a division by zero for a target without mass


class View(NamedTuple):
    """Names and shares of both sides, and the masses between them."""

    names_source: np.ndarray  #: (n0,)
    names_target: np.ndarray  #: (n1,)
    share_source: np.ndarray  #: (n0,)
    share_target: np.ndarray  #: (n1,)
    came: np.ndarray  #: (n0,) share of the target that came from it; of a population, its own share
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


def view(adata: ad.AnnData, *, by: str | None, key: str, level: str = STATE) -> View:
    """Return the view of components, of populations, or of the levels of an annotation.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to sum the components to, or None.
    key
        The ``key_added`` of the fit.
    level
        "state" (components) or "population".
    """
    if wants_populations(level, by):
        return _of_populations(adata, key)
    return _of_components(adata, key) if by is None else _of_levels(adata, by, key)


def _of_components(adata: ad.AnnData, key: str) -> View:
    """Return the view of the components of a fit."""
    came, went = get.arrivals(adata, key=key), get.factors(adata, key=key)
    fit, parts = get.fit(adata, key=key), get.components(adata, key=key)
    source, target = (parts.loc[parts["side"] == s, "name"].to_numpy(object) for s in SIDES)
    enters = fit.origin * fit.shares_target
    gone, new = ((table["status"] != "").to_numpy() for table in (went, came))
    main = np.where(new, -1, enters.argmax(axis=0))
    shares = fit.shares_source, fit.shares_target
    return View(source, target, *shares, enters.sum(axis=1), enters, main, gone, new)


def _of_populations(adata: ad.AnnData, key: str) -> View:
    """Return the view of the populations that each side has; a population became itself."""
    went = get.factors(adata, level=POPULATION, key=key)
    came = get.arrivals(adata, level=POPULATION, key=key)
    went, came = went[went["n_cells"] > 0], came[came["n_cells"] > 0]
    pairs = get.transfers(adata, level=POPULATION, key=key)
    share = came.set_index("name")["share_target"]
    new = (came["status"] != "").to_numpy()
    pairs = pairs.assign(enters=pairs["share_of_target"] * pairs["target"].map(share))
    return _joined(went, came, pairs, new, went["share_target"].to_numpy(float))


def _of_levels(adata: ad.AnnData, by: str, key: str) -> View:
    """Return the view of the levels of an annotation that each side has."""
    went = get.factors(adata, by=by, key=key)
    went = went[went["log2_net"].notna()]  # levels that source cells have
    came = get.arrivals(adata, by=by, key=key)
    new = (came["status"] != "").to_numpy()
    pairs = get.transfers(adata, by=by, key=key).rename(columns={"mass": "enters"})
    return _joined(went, came, pairs, new, None)


def _joined(
    went: pd.DataFrame,
    came: pd.DataFrame,
    pairs: pd.DataFrame,
    new: np.ndarray,
    became: np.ndarray | None,
) -> View:
    """Return the view of tables whose rows have the same names on both sides.

    Parameters
    ----------
    went, came
        Tables of factors and of arrivals.
    pairs
        Table of transfers; ``enters`` is the fraction of all target cells.
    new
        Which rows of ``came`` are new, bool.
    became
        ``came`` of the view; None: the sums of ``enters``.
    """
    sources, targets = (table["name"].to_numpy(object) for table in (went, came))
    row, column = ({name: i for i, name in enumerate(names)} for names in (sources, targets))
    enters = np.zeros((len(sources), len(targets)))
    pairs = pairs[pairs["source"].isin(sources) & pairs["target"].isin(targets)]
    place = pairs["source"].map(row).to_numpy(int), pairs["target"].map(column).to_numpy(int)
    enters[place] = pairs["enters"]
    # the main source of a level is the same level where both sides have it
    likely = np.where(new, -1, enters.argmax(axis=0))
    main = np.array([row.get(name, i) for name, i in zip(targets, likely, strict=True)])
    shares = went["share_source"].to_numpy(float), came["share_target"].to_numpy(float)
    gone = (went["status"] == GONE).to_numpy()
    became = enters.sum(axis=1) if became is None else became
    return View(sources, targets, *shares, became, enters, main, gone, new)
