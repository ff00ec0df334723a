"""A fit survives its two files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm.results.fit_files import FORMAT, load_fit, save_fit
from tests.made import same_fit


def test_fit_survives_its_two_files(fit: cg.CoupledFit, tmp_path: Path) -> None:
    paths = save_fit(fit, tmp_path / "a.b" / "fit")
    assert [p.name for p in paths] == ["fit.npz", "fit.json"]
    same_fit(load_fit(tmp_path / "a.b" / "fit"), fit)
    with np.load(paths[0], allow_pickle=False) as arrays:
        assert arrays["coupling"].shape == fit.coupling.shape
    json.loads(paths[1].read_text())


def test_factors_of_cells_survive_object_and_files(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict, tmp_path: Path
) -> None:
    """As the workflow writes a fit in one job and takes it up in another."""
    condition = simulated.obs["condition"].astype(str)
    own, others = (np.linspace(-1, 1, (condition == call[s]).sum()) for s in ("source", "target"))
    others[-1] = np.inf
    counted = {"log2_net_cells": own, "log2_net_target_cells": others}
    cg.tl.annotate(simulated, replace(fit, votes=fit.origin, **counted), **call)
    save_fit(cg.get.fit(simulated), tmp_path / "fit")
    again = load_fit(tmp_path / "fit")
    np.testing.assert_array_equal(again.log2_net_cells, own)
    np.testing.assert_array_equal(again.log2_net_target_cells, others)
    cg.tl.annotate(simulated, again, **call, key_added="again")
    for name in ("log2_net_factor", "component"):
        found, first = (simulated.obs[f"{key}_{name}"].to_numpy() for key in ("again", "cgmm"))
        np.testing.assert_array_equal(found, first)


def test_incomplete_and_foreign_files_are_refused(fit: cg.CoupledFit, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"fit\.npz"):
        load_fit(tmp_path / "fit")
    _, values = save_fit(fit, tmp_path / "fit")
    values.write_text(values.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(ValueError, match="format 99"):
        load_fit(tmp_path / "fit")
