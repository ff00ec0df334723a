"""Objects and columns that cannot serve are refused in a sentence."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.checks import (
    check_free,
    check_no_missing,
    check_object,
    check_paired,
    column,
    levels,
    listing,
)
from cgmm._anndata.keys import Keys


@pytest.mark.parametrize("tool", ["annotate", "fit"])
def test_backed_objects_are_not_copied_nor_written_through_a_view(
    on_disk: ad.AnnData, fit: cg.CoupledFit, call: dict, tool: str
) -> None:
    more = (fit,) if tool == "annotate" else ()
    with pytest.raises(ValueError, match="cannot be copied"):
        getattr(cg.tl, tool)(on_disk, *more, **call, copy=True)
    view = on_disk[:1000]
    with pytest.raises(ValueError, match="while it is a view"):
        getattr(cg.tl, tool)(view, *more, **call)


def test_levels_are_in_the_order_of_categories_or_in_natural_order() -> None:
    text = pd.Series(["dose 10", "dose 2", "none", None], dtype=object)
    assert levels(text) == ["dose 2", "dose 10", "none"]
    ordered = pd.Categorical(["b", "a", "b"], categories=["b", "unused", "a"])
    assert levels(pd.Series(ordered)) == ["b", "a"]


@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_a_column_is_one_column_of_obs() -> None:
    adata = ad.AnnData(obs=pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))
    assert list(column(adata, "a", "by")) == [1, 2]
    for key in ("b", ["a"]):
        with pytest.raises(KeyError, match="is not a column of obs; there are 'a'"):
            column(adata, key, "by")  # type: ignore[arg-type]


def test_a_missing_value_is_counted() -> None:
    donors = pd.Series(["a", None, None, "b"], name="donor")
    check_no_missing(donors, np.array([0, 3]), "donor")
    with pytest.raises(ValueError, match=r"obs\['donor'\] is missing in 1 cells"):
        check_no_missing(donors, np.array([0, 1]), "donor")


def test_other_types_are_named() -> None:
    with pytest.raises(TypeError, match="expression must be an AnnData object, not list"):
        check_object([], "expression")
    with pytest.raises(TypeError, match="paired must be True, False or None, got 1"):
        check_paired(1)


def test_an_entry_that_is_not_a_fit_is_not_overwritten(fitted: ad.AnnData) -> None:
    check_free(fitted, Keys("cgmm"), copy=False)
    fitted.uns["mine"] = {"a": 1}
    with pytest.raises(ValueError, match="choose another key_added"):
        check_free(fitted, Keys("mine"), copy=False)


def test_long_lists_are_cut() -> None:
    assert listing([]) == "none"
    assert listing("abc", limit=2) == "'a', 'b' and 1 more"
