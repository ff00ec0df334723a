"""Several targets against one source in an object: their keys, their cells, their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.checks import check_object, column, levels, listing
from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.storage import read_params, read_stored
from cgmm.donors.ordered import checked_scores
from cgmm.pair import SOURCE

Order = str | Mapping[str, float] | None


class Targets(NamedTuple):
    """The comparisons of :func:`cgmm.tl.fit_targets`, in their order."""

    keys: list[str]
    known: list[dict[str, Any]]  #: parameters of each fit

    @property
    def source(self) -> str:
        """The source condition."""
        return str(self.known[0]["source"])

    @property
    def names(self) -> list[str]:
        """The target conditions."""
        return [str(one["target"]) for one in self.known]

    @property
    def conditions(self) -> list[str]:
        """The source, then the targets."""
        return [self.source, *self.names]

    @property
    def condition_key(self) -> str:
        """Column of ``obs`` with the conditions."""
        return str(self.known[0]["condition_key"])


def read_targets(
    adata: ad.AnnData, keys: Sequence[str] | None = None, *, key: str = DEFAULT_KEY
) -> Targets:
    """Return the comparisons that share a source.

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys
        The comparisons; None: all ``<key>_<target>``, in the order of the categories of the
        condition, or sorted when the column is not categorical.
    key
        The ``key_added`` of :func:`cgmm.tl.fit_targets`.

    Raises
    ------
    KeyError
        When a fit is missing.
    ValueError
        When the fits have different source components. Their rows are then not comparable.
    """
    check_object(adata)
    keys = [keys] if isinstance(keys, str) else keys
    chosen = _found(adata, key) if keys is None else [str(k) for k in keys]
    if not chosen:
        msg = f"uns has no fit called {key!r}_<target>: run cgmm.tl.fit_targets, or give keys."
        raise KeyError(msg)
    first = read_stored(adata, chosen[0])
    for name in chosen:
        uns = read_stored(adata, name)
        if not all(
            np.array_equal(np.asarray(uns[part(SOURCE)]), np.asarray(first[part(SOURCE)]))
            for part in (Uns.means, Uns.covariances)
        ):
            msg = (
                f"{name!r} and {chosen[0]!r} have different source components, so their rows are "
                "not comparable: fit them with cgmm.tl.fit_targets."
            )
            raise ValueError(msg)
    return Targets(chosen, [read_params(adata, key=name) for name in chosen])


def scores_of(adata: ad.AnnData, targets: Targets, order: Order) -> dict[str, float]:
    """Return the number of every condition on an ordered scale.

    Parameters
    ----------
    adata
        The object.
    targets
        The comparisons.
    order
        Column of ``obs`` with numbers, the same in all cells of a condition; or the numbers by
        condition; None: 0 for the source, then 1, 2, ... in the order of the targets.

    Raises
    ------
    KeyError
        When there is no such column, or a condition has no number.
    ValueError
        When values are no numbers, differ within a condition, or are all the same.
    """
    if order is None:
        return {name: float(i) for i, name in enumerate(targets.conditions)}
    if isinstance(order, Mapping):
        missing = [name for name in targets.conditions if name not in order]
        if missing:
            msg = f"order has no number for {listing(missing)}: give one for every condition."
            raise KeyError(msg)
        values = {name: [order[name]] for name in targets.conditions}
    else:
        every = column(adata, order, "order")
        where = column(adata, targets.condition_key, "condition_key").astype(str)
        values = {
            name: list(every[(where == name).to_numpy()].unique()) for name in targets.conditions
        }
    return checked_scores(values, what="order" if isinstance(order, Mapping) else repr(order))


def _found(adata: ad.AnnData, key: str) -> list[str]:
    """Return the names of the fits ``<key>_<target>``, in the order of the conditions."""
    found: dict[str, dict[str, Any]] = {
        name: read_params(adata, key=name)
        for name, value in adata.uns.items()
        if name.startswith(Keys(key).prefix_of_targets)
        and hasattr(value, "keys")
        and Uns.PARAMS in value
    }
    order: list[str] = []
    for one in dict.fromkeys(known["condition_key"] for known in found.values()):
        order += levels(adata.obs[one]) if one in adata.obs else []
    place = {target: i for i, target in enumerate(order)}
    return sorted(found, key=lambda name: place.get(found[name]["target"], len(place)))
