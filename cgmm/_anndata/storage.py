"""Write a fit into an AnnData object, and read it back.

:func:`write_fit` writes the fields that :func:`cgmm.tl.fit` lists.  :func:`write_results` adds the
results of :func:`cgmm.tl.donors` and :func:`cgmm.tl.genes`.  :func:`read_fit`, :func:`read_params`
and :func:`read_stored` read them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_object, writing
from cgmm._anndata.keys import DEFAULT_KEY, Keys, UncertaintyKeys, Uns
from cgmm._anndata.sides import rows_of_fit
from cgmm._utils.h5ad import storable
from cgmm._utils.strict_json import dumps, loads
from cgmm._utils.versions import versions
from cgmm.coupled.result import ARRAY_NAMES, OF_CELLS, CoupledFit
from cgmm.pair import SIDES, SOURCE, TARGET


class CellFields(NamedTuple):
    """Results of a fit for all cells of the object; missing where a cell has no result."""

    component: pd.Categorical
    population: pd.Categorical | None  #: None: no populations were found
    origin: pd.Categorical | None  #: found population of the origin of a target cell
    log2_net_factor: np.ndarray  #: (n_cells,)
    shift: np.ndarray  #: (n_cells,)
    responsibilities: np.ndarray  #: (n_cells, max(K0, K1))
    displacement: np.ndarray  #: (n_cells, D), in the precision of the representation
    projected: np.ndarray  #: (n_cells, D), in the precision of the representation


class Annotation(NamedTuple):
    """A fit, and the other results that :func:`write_fit` writes."""

    fit: CoupledFit
    params: dict[str, Any]  #: arguments of the caller, to be recorded
    components: pd.DataFrame  #: side, component, name, ...
    donors: pd.DataFrame  #: side, donor, component, share, n_cells
    cells: CellFields
    flow: pd.DataFrame  #: source, target, share of populations; no rows without populations
    population_names: pd.DataFrame  #: name, named_from, ...; no rows without populations


#: Names that the entry of a fit in ``uns`` must have.
REQUIRED = (
    Uns.PARAMS,
    Uns.COUPLING,
    Uns.COSTS,
    Uns.HISTORY,
    Uns.COMPONENTS,
    Uns.DONORS,
    *(
        part(side)
        for side in SIDES
        for part in (Uns.weights, Uns.means, Uns.covariances, Uns.shares, Uns.names)
    ),
)


def read_params(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> dict[str, Any]:
    """Return parameters, reasons, versions and convergence of a fit, and the facts of tl.donors.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    A new dict.

    Raises
    ------
    TypeError
        When ``adata`` is not an AnnData object.
    KeyError
        When the object has no fit of that name, or only a part of the fit.
    ValueError
        When the text with the parameters is damaged.
    """
    uns = read_stored(adata, key)
    try:
        known = loads(str(uns[Uns.PARAMS]))
    except ValueError as error:
        msg = f"uns[{key!r}][{Uns.PARAMS!r}] is damaged ({error}): run cgmm.tl.fit again."
        raise ValueError(msg) from error
    if Uns.UNCERTAINTY in uns:
        known["donors"] = loads(str(uns[Uns.UNCERTAINTY][UncertaintyKeys.FACTS]))
    return known


def read_fit(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> CoupledFit:
    """Return the fit, as :func:`cgmm.fit_coupled` returns it.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    CoupledFit
        Factors and populations of cells are those of the cells in the object.

    Raises
    ------
    TypeError, KeyError, ValueError
        As :func:`read_params`.
    """
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    arrays = {name: np.asarray(uns[name]) for name in ARRAY_NAMES if name in uns}
    if known["condition_key"] in adata.obs:
        keys, rows = Keys(key), rows_of_fit(adata, known)
        if Uns.VOTES in uns and keys.log2_net_factor in adata.obs:
            values = adata.obs[keys.log2_net_factor].to_numpy(dtype=float)
            arrays["log2_net_cells"] = values[rows[SOURCE]]
            arrays["log2_net_target_cells"] = values[rows[TARGET]]
        if keys.population in adata.obs:
            codes = adata.obs[keys.population].cat.codes.to_numpy()
            arrays |= {f"populations_{side}": codes[rows[side]] for side in SIDES}
    return CoupledFit.from_arrays(arrays, known)


def read_stored(adata: ad.AnnData, key: str) -> dict[str, Any]:
    """Return the entry of a fit in ``uns``.

    Raises
    ------
    TypeError
        When ``adata`` is not an AnnData object.
    KeyError
        When the object has no fit of that name, or only a part of the fit.
    """
    check_object(adata)
    entry = adata.uns.get(Keys(key).uns)
    if not isinstance(entry, Mapping) or Uns.PARAMS not in entry:
        msg = f"uns has no fit called {key!r}: run cgmm.tl.fit(adata, ..., key_added={key!r})."
        raise KeyError(msg)
    if missing := [name for name in REQUIRED if name not in entry]:
        msg = (
            f"uns[{key!r}] lacks {', '.join(missing)}, so it is not a whole fit: "
            "run cgmm.tl.fit again, or read the file again."
        )
        raise KeyError(msg)
    return entry  # type: ignore[return-value]


def read_names(adata: ad.AnnData, key: str, side: str) -> list[str]:
    """Return the names of the components of a side, as plain text."""
    return [str(name) for name in read_stored(adata, key)[Uns.names(side)]]


def read_responsibilities(adata: ad.AnnData, key: str) -> np.ndarray:
    """Return the responsibilities of all cells, (n_cells, max(K0, K1)), padded with NaN.

    Raises
    ------
    KeyError
        When the object has no responsibilities.
    """
    name = Keys(key).responsibilities
    if name not in adata.obsm:
        msg = f"obsm[{name!r}] is missing: use the object that cgmm.tl.fit has filled."
        raise KeyError(msg)
    return np.asarray(adata.obsm[name])


def write_fit(adata: ad.AnnData, keys: Keys, annotation: Annotation) -> None:
    """Write the fields that :func:`cgmm.tl.fit` lists into an object."""
    fit, components, cells = annotation.fit, annotation.components, annotation.cells
    entry = {
        Uns.PARAMS: dumps({**annotation.params, **facts_of(fit), "versions": versions()}),
        Uns.COMPONENTS: storable(components),
        Uns.DONORS: storable(annotation.donors),
        Uns.FLOW: storable(annotation.flow),
        Uns.POPULATION_NAMES: storable(annotation.population_names),
        **arrays_of(fit),
        **{
            Uns.names(side): components.loc[components["side"] == side, "name"].to_numpy(object)
            for side in SIDES
        },
    }
    with writing():
        adata.uns[keys.uns] = entry
        adata.obs[keys.component] = cells.component
        found = {keys.population: cells.population, keys.origin: cells.origin}
        for name, values in found.items():
            if values is not None:
                adata.obs[name] = values
            elif name in adata.obs:  # of an earlier fit
                del adata.obs[name]
        adata.obs[keys.log2_net_factor] = cells.log2_net_factor
        adata.obs[keys.shift] = cells.shift
        adata.obsm[keys.responsibilities] = cells.responsibilities
        adata.obsm[keys.displacement] = cells.displacement
        adata.obsm[keys.projected] = cells.projected


def write_results(adata: ad.AnnData, key: str, results: dict[str, Any]) -> None:
    """Add results to the entry of a fit in ``uns``, by their names in :class:`Uns`."""
    with writing():
        adata.uns[key] = {**adata.uns[key], **results}


def facts_of(fit: CoupledFit) -> dict[str, Any]:
    """Return the texts and single numbers of a fit that ``uns`` stores."""
    return {**fit.to_facts(), "F": fit.transported_mass}


def arrays_of(fit: CoupledFit) -> dict[str, np.ndarray]:
    """Return the arrays of a fit that ``uns`` stores; ``obs`` stores arrays per cell."""
    arrays = fit.to_arrays()
    return {n: np.asarray(array, dtype=float) for n, array in arrays.items() if n not in OF_CELLS}
