"""A fit is the same after a file, whatever the versions of anndata."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.keys import Keys, Uns
from cgmm._anndata.storage import read_names, read_responsibilities, read_stored, write_results
from tests.made import encodings, same_fit

FRAMES = (
    "components",
    "factors",
    "transfers",
    "arrivals",
    "shifts",
    "donors",
    "carried_donors",
    "donor_shifts",
    "genes",
)


#: What anndata 0.10 reads.
PLAIN = {"array", "categorical", "dataframe", "dict", "string", "string-array", "numeric-scalar"}


def write(adata: ad.AnnData, path: Path) -> None:
    """With the reader's own method, not with ours."""
    with warnings.catch_warnings():
        # anndata 0.12 announces another default format at every writing of zarr
        warnings.filterwarnings("ignore", message=".*zarr.*", category=UserWarning)
        adata.write_h5ad(path) if path.suffix == ".h5ad" else adata.write_zarr(path)


def read(path: Path) -> ad.AnnData:
    return ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)


@pytest.mark.parametrize("name", ["cells.h5ad", "cells.zarr"])
@pytest.mark.parametrize("donors", [True, False])
def test_files_keep_everything_in_plain_encodings(
    fitted: ad.AnnData, fit: cg.CoupledFit, call: dict, tmp_path: Path, name: str, donors: bool
) -> None:
    if name.endswith("zarr"):
        pytest.importorskip("zarr")
    if not donors:
        cg.tl.annotate(fitted, fit, **call)
        cg.tl.genes(fitted)
    cg.tl.donors(fitted)
    path, again = tmp_path / name, tmp_path / f"again_{name}"
    write(fitted, path)
    first = read(path)
    write(first, again)  # what a reader of the file writes
    for file in (path, again):
        back = read(file)
        for frame in FRAMES:
            pd.testing.assert_frame_equal(
                getattr(cg.get, frame)(back), getattr(cg.get, frame)(fitted)
            )
        np.testing.assert_array_equal(cg.get.fit(back).coupling, cg.get.fit(fitted).coupling)
        for key in ("cgmm_responsibilities", "cgmm_displacement", "cgmm_projected"):
            np.testing.assert_array_equal(back.obsm[key], fitted.obsm[key])
        assert list(back.obs["cgmm_component"]) == list(fitted.obs["cgmm_component"])
        ours = {n: kind for n, kind in encodings(file).items() if "cgmm" in n}
        assert len(ours) > 30
        assert set(ours.values()) <= PLAIN


def test_fit_survives_the_object(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    same_fit(cg.get.fit(fitted), fit)


def test_an_entry_that_is_not_a_whole_fit_is_refused(fitted: ad.AnnData) -> None:
    with pytest.raises(KeyError, match="no fit called 'other'"):
        read_stored(fitted, "other")
    coupling = fitted.uns["cgmm"].pop(Uns.COUPLING)
    with pytest.raises(KeyError, match="lacks coupling, so it is not a whole fit"):
        cg.get.fit(fitted)
    fitted.uns["cgmm"][Uns.COUPLING] = coupling
    fitted.uns["cgmm"][Uns.PARAMS] = "{"
    with pytest.raises(ValueError, match=r"is damaged .*run cgmm\.tl\.fit again"):
        cg.get.params(fitted)


def test_results_are_added_and_leave_the_rest(fitted: ad.AnnData) -> None:
    before = dict(fitted.uns["cgmm"])
    write_results(fitted, "cgmm", {"more": 1})
    assert fitted.uns["cgmm"].keys() - before.keys() == {"more"}
    assert all(fitted.uns["cgmm"][name] is value for name, value in before.items())


def test_names_and_responsibilities_are_read_back(fitted: ad.AnnData) -> None:
    assert read_names(fitted, "cgmm", "source") == list(cg.get.factors(fitted)["name"])
    r = read_responsibilities(fitted, "cgmm")
    np.testing.assert_allclose(np.nansum(r, axis=1), 1)
    del fitted.obsm[Keys("cgmm").responsibilities]
    with pytest.raises(KeyError, match=r"use the object that cgmm\.tl\.fit has filled"):
        read_responsibilities(fitted, "cgmm")
