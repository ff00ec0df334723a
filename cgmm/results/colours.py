"""Colours of ``annotated.h5ad``: those of the report, as scanpy and cellxgene read them."""

from __future__ import annotations

from collections.abc import Mapping

import anndata as ad
import numpy as np

from cgmm._anndata.keys import DEFAULT_KEY, Keys
from cgmm._utils.colours import CONDITION_COLOURS, NO_COLOUR, population_colours


def add_colours(adata: ad.AnnData, population_column: str, colours: Mapping[str, str]) -> None:
    """Write ``uns["{column}_colors"]`` for populations, states and conditions.

    Parameters
    ----------
    adata
        Cells of a comparison; its columns of ``obs`` become categorical where they are not.
    population_column
        Column of ``obs`` with the populations.
    colours
        Colour of every population, by name, as in the report.
    """
    _write(adata, population_column, colours)
    states = Keys(DEFAULT_KEY).component
    names = sorted({str(n) for n in adata.obs[states].dropna()})
    _write(adata, states, dict(zip(names, population_colours(len(names)), strict=True)))
    levels = [str(c) for c in adata.obs["condition"].astype("category").cat.categories]
    _write(adata, "condition", dict(zip(levels, CONDITION_COLOURS, strict=False)))


def _write(adata: ad.AnnData, column: str, colours: Mapping[str, str]) -> None:
    adata.obs[column] = adata.obs[column].astype("category")
    levels = adata.obs[column].cat.categories
    adata.uns[f"{column}_colors"] = np.array(
        [colours.get(str(level), NO_COLOUR) for level in levels], dtype=object
    )
