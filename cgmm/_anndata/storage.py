"""Write a fit into an AnnData object, and read it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_object
from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.sides import rows_of_fit
from cgmm._utils.strict_json import loads
from cgmm.coupled.result import ARRAY_NAMES, CoupledFit
from cgmm.pair import SIDES, SOURCE


class CellFields(NamedTuple):
    """Per-cell results over all cells of the object, missing where they do not apply."""

    component: pd.Categorical
    log2_net_factor: np.ndarray  #: (n_cells,)
    shift: np.ndarray  #: (n_cells,)
    responsibilities: np.ndarray  #: (n_cells, max(K0, K1))
    displacement: np.ndarray  #: (n_cells, D), in the precision of the representation
    projected: np.ndarray  #: (n_cells, D), likewise


WHOLE = (
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
    """Parameters, reasons, versions and state of convergence of a fit; what tl.donors did.

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
    KeyError
        When the object has no fit of that name, or not all of it.
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
        known["donors"] = loads(str(uns[Uns.UNCERTAINTY]["facts"]))
    return known


def read_fit(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> CoupledFit:
    """Return the fit itself, as :func:`cgmm.fit_coupled` would.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    CoupledFit
        Its ``log2_net_cells``, when cells have voted, are those of the source cells in the object.

    Raises
    ------
    KeyError, ValueError
        As :func:`params`.
    """
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    arrays = {name: np.asarray(uns[name]) for name in ARRAY_NAMES if name in uns}
    of_cells = Keys(key).log2_net_factor
    if Uns.VOTES in uns and {of_cells, known["condition_key"]} <= set(adata.obs.columns):
        rows = rows_of_fit(adata, known)[SOURCE]
        arrays["log2_net_cells"] = adata.obs[of_cells].to_numpy(dtype=float)[rows]
    return CoupledFit.from_arrays(arrays, known)


def read_stored(adata: ad.AnnData, key: str) -> dict[str, Any]:
    """Entry of ``uns`` with a whole fit."""
    check_object(adata)
    name = Keys(key).uns
    found = adata.uns.get(name)
    if not isinstance(found, Mapping) or Uns.PARAMS not in found:
        msg = f"uns has no fit called {key!r}: run cgmm.tl.fit(adata, ..., key_added={key!r})."
        raise KeyError(msg)
    if lost := [part for part in WHOLE if part not in found]:
        msg = (
            f"uns[{key!r}] lacks {', '.join(lost)}, so it is not a whole fit: "
            "run cgmm.tl.fit again, or read the file again."
        )
        raise KeyError(msg)
    return found  # type: ignore[return-value]


def write_fields(adata: ad.AnnData, keys: Keys, uns: dict[str, Any], cells: CellFields) -> None:
    adata.uns[keys.uns] = uns
    adata.obs[keys.component] = cells.component
    adata.obs[keys.log2_net_factor] = cells.log2_net_factor
    adata.obs[keys.shift] = cells.shift
    adata.obsm[keys.responsibilities] = cells.responsibilities
    adata.obsm[keys.displacement] = cells.displacement
    adata.obsm[keys.projected] = cells.projected


def facts_of(fit: CoupledFit) -> dict[str, Any]:
    """Words and single numbers of a fit, as they go into ``uns``."""
    return {**fit.to_facts(), "F": fit.transported_mass}


def arrays_of(fit: CoupledFit) -> dict[str, np.ndarray]:
    """Arrays of a fit, as they go into ``uns``; those per cell stand in ``obs``."""
    arrays = fit.to_arrays()
    arrays.pop("log2_net_cells", None)
    return {name: np.asarray(array, dtype=float) for name, array in arrays.items()}
