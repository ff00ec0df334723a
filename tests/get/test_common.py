"""Frames are built by their declaration, and objects without a fit are refused."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.keys import Uns
from cgmm.get._common import build, empty
from cgmm.tables import TABLES


@pytest.mark.parametrize("name", [*TABLES, "params", "fit", "carried_donors"])
def test_objects_without_a_fit_are_refused(simulated: ad.AnnData, name: str) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.fit"):
        getattr(cg.get, name)(simulated)


def test_names_are_untrusted_text(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> None:
    nasty = {"Alpha": "<script>alert(1)</script>", "Beta": "a/b\tc\nd", "Gamma": "$x_{1}$"}
    simulated.obs["type"] = simulated.obs["cell_type"].astype(str).map(lambda v: nasty.get(v, v))
    cg.tl.annotate(simulated, fit, **call, name_by="type")
    names = set(cg.get.factors(simulated)["name"])
    assert {"<script>alert(1)</script>", "a/b c d", "$x_{1}$"} <= names
    for plot in ("factors", "transfers", "flow", "components", "shifts"):
        getattr(cg.pl, plot)(simulated).figure.canvas.draw()


def test_a_frame_has_the_types_and_the_order_of_its_table() -> None:
    table = TABLES["sensitivity"].with_columns(("name", "component", "F"))
    names = pd.Categorical(["a", None, "b"])
    frame = build(table, {"F": [1, 2, 3], "name": names, "component": np.arange(3.0), "more": 0})
    assert list(frame) == ["name", "component", "F"]
    assert list(frame["name"]) == ["a", "", "b"]
    assert [str(t) for t in frame.dtypes] == ["object", "int64", "float64"]


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_frame_has_every_column(name: str) -> None:
    frame = empty(TABLES[name])
    assert tuple(frame.columns) == TABLES[name].names
    assert len(frame) == 0


def test_a_table_of_another_version_is_named(fitted: ad.AnnData) -> None:
    fitted.uns["cgmm"][Uns.GENES] = fitted.uns["cgmm"][Uns.GENES].drop(columns="rank")
    with pytest.raises(ValueError, match=r"The table 'genes' has no column 'rank'.*Make it again"):
        cg.get.genes(fitted)
