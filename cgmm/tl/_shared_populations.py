"""Populations that several comparisons share, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.expression import naming_expression
from cgmm._anndata.sides import Sides, cell_weights
from cgmm.automatic.shared_populations import share_populations
from cgmm.coupled.result import CoupledFit
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import Pair
from cgmm.tables import POPULATION
from cgmm.tl._found_populations import Found, population_words
from cgmm.tl._population_names import population_names


@dataclass(frozen=True)
class SharedNames:
    """Names of populations that were found in several comparisons together.

    Attributes
    ----------
    names
        Name of every population.
    evidence
        What the names rest on, as :func:`cgmm.tl._population_names.population_names` returns it.
    """

    names: list[str]
    evidence: pd.DataFrame


def with_shared_populations(
    fits: Sequence[CoupledFit], sides: Sequence[Sides], *, random_state: int
) -> list[CoupledFit]:
    """Return fits of one source whose populations were found together.

    Parameters
    ----------
    fits, sides
        The fit of every target, and the cells of its two conditions.
    random_state
        Seed.
    """
    weights = [cell_weights(one) for one in sides]
    return share_populations(
        fits,
        [sides[0].points.source, *(one.points.target for one in sides)],
        weights=[weights[0].source, *(one.target for one in weights)],
        donors=[sides[0].donors.source, *(one.donors.target for one in sides)],
        random_state=random_state,
    )


def shared_names(
    adata: ad.AnnData,
    fits: Sequence[CoupledFit],
    sides: Sequence[Sides],
    *,
    labels: np.ndarray | None,
    expression: ad.AnnData | None,
    layer: str | None,
    markers: FoundMarkers | None,
) -> SharedNames | None:
    """Name shared populations by the cells of all conditions; None without populations.

    Parameters
    ----------
    adata
        The object.
    fits, sides
        From :func:`with_shared_populations`, and the cells.
    labels
        Label of every cell of the object, or None.
    expression, layer
        As in :func:`cgmm.tl.fit`.
    markers
        Markers of cell types among the genes, or None.
    """
    if fits[0].populations_source is None:
        return None
    together = _together(sides)
    codes = Pair(
        fits[0].populations_source,
        np.concatenate([np.asarray(fit.populations_target) for fit in fits]),
    )
    cells = naming_expression(adata, expression, layer)
    names = population_words(codes, together, labels, cells, markers)
    of_cells = Found(names, codes).of_cells(adata.n_obs, together)
    return SharedNames(names, population_names(cells, together, of_cells, POPULATION, markers))


def _together(sides: Sequence[Sides]) -> Sides:
    """Return the source and all targets as two sides."""
    targets = [one.donors.target for one in sides]
    known = [one for one in targets if one is not None]
    donors = None if len(known) < len(targets) else np.concatenate(known)
    return Sides(
        Pair(sides[0].rows.source, np.concatenate([one.rows.target for one in sides])),
        Pair(sides[0].points.source, np.concatenate([one.points.target for one in sides])),
        Pair(sides[0].donors.source, donors),
        sides[0].dtype,
    )
