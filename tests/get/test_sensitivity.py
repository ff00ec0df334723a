"""Other choices of the fit give other factors."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np

import cgmm as cg
from cgmm.automatic.sensitivity import along_rho


def test_what_is_gone_has_no_main_counterpart(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    coupling = fit.coupling.copy()
    coupling[2] = 0.0
    lost = replace(fit, coupling=coupling)
    lost = replace(lost, sensitivity=[choice.to_row() for choice in along_rho(lost)])
    cg.tl.annotate(simulated, lost, **call)
    main = cg.get.sensitivity(simulated).groupby("component")["main_target"].agg(set)
    assert main[2] == {""}
    assert all("" not in names for k, names in main.items() if k != 2)
    assert list(np.isnan(cg.get.factors(simulated)["inflow"])) == [k == 2 for k in range(6)]
