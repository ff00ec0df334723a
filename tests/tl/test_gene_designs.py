"""Samples of a component get the rows of the design that belong to their donors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm._anndata.units import DonorColumns, Units
from cgmm.genes.pseudobulk import Samples
from cgmm.tl._gene_tests import with_design
from tests.donors.designs import ENDS, plan_of, table_of

SEX = list("fmfmffmmfm")


def made(n_samples: list[int]) -> tuple[Samples | None, str]:
    plan = plan_of(5)
    table = table_of(plan, sex=SEX)
    units = Units(plan, table, (np.empty(0), np.empty(0)), np.arange(10))
    columns = DonorColumns(
        condition_key=ENDS["condition"],
        source=ENDS["source"],
        target=ENDS["target"],
        donor_key="donor",
        design="~ condition + sex",
    )
    names = np.array([plan.units[i].donor for i in n_samples], dtype=object)
    treated = np.array([plan.units[i].side == 1 for i in n_samples])
    counts = np.ones((len(n_samples), 3), dtype=int)
    return with_design(units, columns)(Samples(counts, treated, None, names))


def test_rows_follow_the_donors_that_have_cells() -> None:
    kept = [9, 0, 2, 3, 5, 6, 8]  # in another order, some left out
    found, why = made(kept)
    assert why == ""
    expected = [np.ones(7), np.array(kept) >= 5, pd.Series(SEX)[kept] == "m"]
    np.testing.assert_array_equal(found.matrix, np.column_stack(expected).astype(float))
    np.testing.assert_allclose(found.change, [0, 1, 0], atol=1e-12)


def test_a_component_with_too_few_donors_for_the_design_says_so() -> None:
    found, why = made([0, 2, 5])
    assert found is None
    assert why.startswith("Not enough donors have cells of it for the design.")
