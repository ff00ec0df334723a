"""Batches and numbers of cells come from columns of obs, one value per donor."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm._anndata.sides import text_of_sides
from cgmm.donors.design import design
from cgmm.pair import Pair
from cgmm.tl._donor_columns import batches_of_cells, totals_of_units

N = 30  # cells of a donor: enough for the design to keep it
DONORS = Pair(
    np.repeat(np.array(["a", "b", "c"], dtype=object), N),
    np.repeat(np.array(["d", "e", "f"], dtype=object), N),
)
ROWS = Pair(np.arange(3 * N), np.arange(3 * N, 6 * N))


@pytest.fixture
def adata() -> ad.AnnData:
    obs = pd.DataFrame(
        {"lane": list("xy") * (3 * N), "total": np.repeat([5.0, 6, 7, 1, 2, 3], N)},
        index=[f"cell{i}" for i in range(6 * N)],
    )
    return ad.AnnData(obs=obs)


def test_columns_are_split_by_side(adata: ad.AnnData) -> None:
    for part in text_of_sides(adata, "lane", "covariates", ROWS):
        assert list(part) == list("xy") * (3 * N // 2)
    adata.obs.loc["cell3", "lane"] = None
    with pytest.raises(ValueError, match="is missing in 1 cells"):
        batches_of_cells(adata, "lane", ROWS)


def test_every_donor_has_one_number_of_cells(adata: ad.AnnData) -> None:
    plan = design(*DONORS, paired=False, n_cells=(3 * N, 3 * N))
    totals = totals_of_units(adata, "total", ROWS, DONORS, plan)
    assert [list(side) for side in totals] == [[5, 6, 7], [1, 2, 3]]
    adata.obs.loc["cell1", "total"] = 4.0
    with pytest.raises(ValueError, match="donor 'a' has 4 to 5"):
        totals_of_units(adata, "total", ROWS, DONORS, plan)


def test_numbers_must_be_positive(adata: ad.AnnData) -> None:
    adata.obs["total"] = 0.0
    nobody = Pair(None, None)
    plan = design(None, None, paired=None, n_cells=(3 * N, 3 * N))
    with pytest.raises(ValueError, match="a positive number for every cell"):
        totals_of_units(adata, "total", ROWS, nobody, plan)
