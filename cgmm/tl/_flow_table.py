"""Where the target cells of each population came from, counted over cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm._anndata.populations import NOT_ANNOTATED
from cgmm._anndata.sides import Sides, cell_weights
from cgmm._utils.codes import texts
from cgmm.coupled.result import CoupledFit


def flow_table(fit: CoupledFit, sides: Sides, labels: np.ndarray) -> pd.DataFrame:
    """Return the joint table of the populations of target cells and of their origins.

    Parameters
    ----------
    fit, sides
        The fit, and the cells of both conditions.
    labels
        Population of every cell of the object.

    Returns
    -------
    Columns source, target, share (fraction of all target cells, donors counted equally); one row
    per pair with cells. Target cells without an origin do not count; the frame is empty when the
    fit did not look for origins.
    """
    columns = {"source": np.array([], object), "target": np.array([], object), "share": []}
    if fit.origins is None or len(fit.origins) != len(sides.rows.target):
        return pd.DataFrame(columns).astype({"share": float})
    named = pd.Categorical(texts(labels, NOT_ANNOTATED))
    weights = cell_weights(sides).target
    weights = np.ones(len(fit.origins)) if weights is None else weights
    there = fit.origins >= 0
    pairs = pd.DataFrame(
        {
            "source": named[sides.rows.source[fit.origins[there]]],
            "target": named[sides.rows.target[there]],
            "share": weights[there] / weights.sum(),
        }
    )
    shares = pairs.groupby(["source", "target"], sort=True, observed=True)["share"].sum()
    return shares.reset_index().astype({"source": object, "target": object})
