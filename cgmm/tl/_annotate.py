"""Write a fit into an object: names of the components, results of every cell, shares of donors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_free
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import (
    CellExpression,
    check_naming,
    gene_names,
    naming_expression,
)
from cgmm._anndata.keys import DEFAULT_KEY, PCA, Keys
from cgmm._anndata.sides import Sides, check_pairing, take_sides
from cgmm._anndata.storage import Annotation, write_fit
from cgmm.automatic.counterparts import without_unmatched
from cgmm.automatic.metric import within_covariance
from cgmm.coupled.result import CoupledFit
from cgmm.genes.marker_table import (
    FoundMarkers,
    Markers,
    find_markers,
    other_gene_names,
    read_marker_table,
)
from cgmm.mixture.responsibilities import responsibilities
from cgmm.pair import SOURCE, TARGET, Pair
from cgmm.tables import ANNOTATION, POPULATION
from cgmm.tl._cell_fields import cell_fields
from cgmm.tl._component_table import component_table, donor_table
from cgmm.tl._flow_table import flow_table
from cgmm.tl._found_populations import Found, found_populations
from cgmm.tl._population_names import population_names
from cgmm.tl._shared_populations import SharedNames


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Source of the names of components: an annotation, marker genes, or an earlier fit.

    Attributes
    ----------
    name_by, markers, expression, layer
        As in :func:`cgmm.tl.fit`.
    names_source
        Names of the source components; None: the components are named here.
    shared
        Names of populations that several comparisons share; None: they are named here.
    """

    name_by: str | None = None
    markers: Markers | None = None
    expression: ad.AnnData | None = None
    layer: str | None = None
    names_source: Sequence[str] | None = None
    shared: SharedNames | None = None

    def check(self, adata: ad.AnnData) -> None:
        """Raise an error when the components of a fit of ``adata`` cannot be named in this way."""
        check_naming(adata, self.name_by, self.expression, self.layer)
        if self.markers is not None:
            _find(self.markers, naming_expression(adata, self.expression, self.layer))

    def found(self, expression: CellExpression | None) -> FoundMarkers | None:
        """Return the markers among the genes of ``expression``; None without a table."""
        return None if self.markers is None else _find(self.markers, expression)


def annotate(
    adata: ad.AnnData,
    fit: CoupledFit,
    *,
    condition_key: str,
    source: str,
    target: str,
    use_rep: str = PCA,
    n_dims: int | None = None,
    donor_key: str | None = None,
    paired: bool | None = None,
    name_by: str | None = None,
    markers: Markers | None = None,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    names_source: Sequence[str] | None = None,
    share_source: str | None = None,
    shared: SharedNames | None = None,
    random_state: int | None = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Write a fit into an object, as :func:`fit` does.

    Parameters
    ----------
    adata
        Cells of both conditions, in the representation that was fitted.
    fit
        The fit, for instance from :func:`cgmm.fit_coupled`.
    condition_key, source, target, use_rep, n_dims, donor_key, paired, name_by, markers, expression
        As in :func:`fit`.
    layer
        As in :func:`fit`.
    names_source
        Names of the source components; None: the components are named as in :func:`fit`.
    share_source
        The ``key_added`` of the fit from which the source components were taken; only recorded.
    shared
        Names of populations that were found in several comparisons together, as
        :func:`fit_targets` finds them; None: the populations are named here.
    random_state
        The seed of the fit; only recorded.
    key_added, copy
        As in :func:`fit`.

    Returns
    -------
    None, or the copy. Sets the fields that :func:`fit` lists.

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used, or when its number of dimensions differs from the fit.
    TypeError
        When ``fit`` is not a CoupledFit, or ``adata`` is not an AnnData object.
    """
    keys = Keys(key_added)
    check_free(adata, keys, copy=copy)
    if not isinstance(fit, CoupledFit):
        msg = f"fit must be a CoupledFit, as fit_coupled returns it, not {type(fit).__name__}."
        raise TypeError(msg)
    comparison = Comparison(
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
        paired=paired,
    )
    sides = take_sides(adata, comparison, min_cells=1, lazy=True)
    check_pairing(sides, paired=paired)
    _check_dims(fit, sides, use_rep)
    naming = Naming(
        name_by=name_by,
        markers=markers,
        expression=expression,
        layer=layer,
        names_source=names_source,
        shared=shared,
    )
    naming.check(adata)
    if not fit.sensitivity:  # not from fit_automatic, which finds components that are gone
        fit = _without_gone(fit)
    made = annotation(
        adata,
        fit,
        comparison,
        sides,
        naming,
        share_source=share_source,
        random_state=random_state,
    )
    adata = adata.copy() if copy else adata
    write_fit(adata, keys, made)
    return adata if copy else None


def annotation(
    adata: ad.AnnData,
    fit: CoupledFit,
    comparison: Comparison,
    sides: Sides,
    naming: Naming,
    *,
    share_source: str | None,
    random_state: int | None,
) -> Annotation:
    """Return a fit with all results that are written with it, from checked arguments."""
    mixtures = Pair(fit.prevalence_source, fit.prevalence_target)
    parts = zip(mixtures, sides.points, strict=True)
    memberships = Pair(*(responsibilities(mixture, points) for mixture, points in parts))
    expression = naming_expression(adata, naming.expression, naming.layer)
    markers = naming.found(expression)
    labels = None if naming.name_by is None else adata.obs[naming.name_by].astype(object).to_numpy()
    shared = naming.shared
    names = None if shared is None else shared.names
    found = found_populations(fit, sides, labels, expression, markers, names)
    populations = _populations(adata.n_obs, sides, labels, found)
    labels, basis = populations if labels is None else (labels, ANNOTATION)
    components, named_by = component_table(
        fit,
        sides,
        memberships,
        labels=labels,
        basis=basis,
        expression=expression,
        markers=markers,
        names_source=naming.names_source,
    )
    params = {
        **replace(comparison, n_dims=fit.source.n_dims).to_params(),
        "name_by": naming.name_by,
        "named_by": naming.name_by or named_by,
        "marker_notices": [] if markers is None else list(markers.notices),
        "share_source": share_source,
        "shared_populations": shared is not None,
        "random_state": random_state,
        "n_cells": {SOURCE: len(sides.rows.source), TARGET: len(sides.rows.target)},
    }
    return Annotation(
        fit,
        params,
        components,
        donor_table(sides, memberships),
        cell_fields(adata, fit, sides, memberships, components, found, comparison),
        flow_table(fit, sides, np.full(adata.n_obs, None) if labels is None else labels),
        shared.evidence
        if shared is not None and populations[1] == POPULATION
        else population_names(expression, sides, *populations, markers),
    )


def _populations(
    n_obs: int, sides: Sides, labels: np.ndarray | None, found: Found | None
) -> tuple[np.ndarray | None, str]:
    """Return the population of every cell, and its basis: found where a side has no labels."""
    missing = labels is None or any(pd.isna(labels[rows]).all() for rows in sides.rows)
    if missing and found is not None:
        return found.of_cells(n_obs, sides), POPULATION
    return labels, ANNOTATION


def _find(markers: Markers, expression: CellExpression | None) -> FoundMarkers:
    """Return the markers of a table among the genes of ``expression``."""
    table = read_marker_table(markers)
    if expression is None:
        msg = (
            "markers needs log-normalised expression, which X does not hold: give layer or "
            "expression, or leave out markers."
        )
        raise ValueError(msg)
    var = expression.adata.var
    names = gene_names(expression.adata, None)
    return find_markers(table, names, other_names=other_gene_names(var))


def _without_gone(fit: CoupledFit) -> CoupledFit:
    """Return the fit with zeros in the coupling for components without a counterpart."""
    both = fit.prevalence_source, fit.prevalence_target
    return replace(fit, coupling=without_unmatched(fit.coupling, *both, within_covariance(*both)))


def _check_dims(fit: CoupledFit, sides: Sides, use_rep: str) -> None:
    """Raise a ValueError when the cells and the fit have different numbers of dimensions."""
    if sides.n_dims != fit.source.n_dims:
        msg = (
            f"The fit has {fit.source.n_dims} dimensions, but {use_rep} gives {sides.n_dims}: "
            "name the same representation and n_dims."
        )
        raise ValueError(msg)
