"""Tables that :func:`cgmm.tl.fit` writes: the components, and their shares in each donor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression
from cgmm._anndata.sides import Sides
from cgmm._utils.lazy_rows import Rows, summed
from cgmm.coupled.result import CoupledFit
from cgmm.donors.shares import donor_shares
from cgmm.genes import naming
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import SIDES, TARGET, Pair
from cgmm.tables import ANNOTATION
from cgmm.tl._component_types import component_types, own_types
from cgmm.transport.coupling import transfer_mass


def component_table(
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[Rows],
    *,
    labels: np.ndarray | None,
    basis: str = ANNOTATION,
    expression: CellExpression | None,
    markers: FoundMarkers | None = None,
    names_source: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Return the table of the components of both sides, and the source of their names.

    Parameters
    ----------
    fit, sides, responsibilities
        The fit, the cells of both conditions, and the responsibilities, shapes (N0, K0) and
        (N1, K1).
    labels
        Cell type or population of every cell of the object, or None.
    basis
        What ``labels`` are: "annotation" or "population".
    expression
        Expression of the cells, for marker genes, or None.
    markers
        Markers of cell types among the genes of ``expression``, or None.
    names_source
        Names of the source components; None: source components are named here.

    Returns
    -------
    table
        The columns of the table ``components`` of :mod:`cgmm.tables`.
    named_by
        "marker table", "marker genes" or "number", for components without labels.
    """
    genes, types = component_types(fit, sides, responsibilities, labels, basis, expression, markers)
    words = [
        [
            kind or " ".join(listed[: naming.N_MARKERS])
            for kind, listed in zip(own["type"], of_side, strict=True)
        ]
        for own, of_side in zip(types, genes, strict=True)
    ]
    coupling = transfer_mass(fit.coupling, fit.shares_source)
    names = naming.name_sides(
        words[0] if names_source is None else [str(name) for name in names_source],
        words[1],
        coupling=coupling,
        sizes_source=fit.shares_source,
        sizes_target=fit.shares_target,
        types_source=types.source["type"],
        types_target=own_types(types.target),
    )
    partner = naming.mutual_best(coupling)
    partners = [names[0][k] if k >= 0 else "" for k in partner]
    matched = [
        "" if name == other else other for name, other in zip(names[1], partners, strict=True)
    ]
    mixtures, shares = (fit.source, fit.target), (fit.shares_source, fit.shares_target)
    parts = [
        pd.DataFrame(
            {
                "side": np.array([side] * len(shares[i]), dtype=object),
                "component": np.arange(len(shares[i])),
                "name": np.array(names[i], dtype=object),
                "weight": np.asarray(mixtures[i].weights, dtype=float),
                "share": np.asarray(shares[i], dtype=float),
                "n_cells": np.rint(summed(responsibilities[i])[0]).astype(int),
                "markers": np.array([", ".join(listed) for listed in genes[i]], dtype=object),
                **{name: values for name, values in types[i].items() if name != "type"},
                "matched_to": np.array(
                    matched if side == TARGET else [""] * len(shares[i]), dtype=object
                ),
            }
        )
        for i, side in enumerate(SIDES)
    ]
    marked = "marker genes" if expression is not None else "number"
    named_by = "marker table" if markers is not None else marked
    return pd.concat(parts, ignore_index=True), named_by


def donor_table(sides: Sides, responsibilities: Pair[Rows]) -> pd.DataFrame:
    """Return the table of the shares of the components in each donor; empty without donors.

    Parameters
    ----------
    sides, responsibilities
        The cells of both conditions, and the responsibilities, shapes (N0, K0) and (N1, K1).

    Returns
    -------
    Columns side, donor, component, share, n_cells (of the donor).
    """
    parts = []
    for side, donors, r in zip(SIDES, sides.donors, responsibilities, strict=True):
        if donors is None:
            continue
        per_donor = donor_shares(r, donors)
        n, k = per_donor.shares.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": np.array([side] * (n * k), dtype=object),
                    "donor": np.repeat(per_donor.donors, k),
                    "component": np.tile(np.arange(k), n),
                    "share": per_donor.shares.ravel(),
                    "n_cells": np.repeat(per_donor.n_cells, k),
                }
            )
        )
    if parts:
        return pd.concat(parts, ignore_index=True)
    text = np.array([], dtype=object)
    whole = np.array([], dtype=int)
    return pd.DataFrame(
        {"side": text, "donor": text, "component": whole, "share": whole * 1.0, "n_cells": whole}
    )
