"""One source against three doses: fits that share their source against separate fits."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg

NAMES = ("low", "mid", "high")
CHANGED = ("Beta", "Delta")
SIZES = (0.5, 1.0, 1.5)
CALL = {"condition_key": "condition", "source": "vehicle", "donor_key": "donor"}


def doses(seed: int) -> ad.AnnData:
    """Return the cells of a vehicle and three doses; two of six kinds change, all of them move."""
    parts = []
    for i, (name, size) in enumerate(zip(NAMES, SIZES, strict=True)):
        drawn = cg.simulate.points(
            n_components=6,
            n_dims=6,
            n_cells=800,
            log2_change=[0.0, size, 0.0, -size, 0.0, 0.0],
            shift=1.0 + 0.5 * i,
            separation=10,
            n_donors=5,
            donor_share_sd=0.2,
            random_state=seed,
        ).to_anndata()
        where = drawn.obs["condition"].astype(str).replace({"source": "vehicle", "target": name})
        drawn.obs["condition"] = where
        if i:  # the source is drawn first, so it is the same each time
            drawn = drawn[(where == name).to_numpy()].copy()
        drawn.obs_names = [f"{name} {j}" for j in range(drawn.n_obs)]
        parts.append(drawn)
    return ad.concat(parts)


def factors_of_kinds(adata: ad.AnnData, key: str) -> pd.DataFrame:
    """Return the factor of every true kind: by found populations, and by components of the fit."""
    known = cg.get.params(adata, key=key)
    found = cg.get.populations(adata, by=f"{key}_population", key=key).set_index("name")
    cells = adata.obs[adata.obs["condition"].isin([known["source"], known["target"]])]
    of_cell = found["log2_net"].reindex(cells[f"{key}_population"].astype(str)).to_numpy(float)
    kind = cells["cell_type"].astype(str).to_numpy()
    by_fit = cg.get.factors(adata, by="cell_type", key=key).set_index("name")["log2_net"]
    counted = cg.get.populations(adata, by="cell_type", key=key).set_index("name")["log2_net"]
    made = pd.DataFrame({"populations": pd.Series(of_cell).groupby(kind).mean()})
    return made.assign(components=by_fit, truth=counted)


def shared_and_separate(n: int, seed: int) -> list[str]:
    """Compare the factors of unchanged kinds between shared and separate fits, in n studies."""
    rows = []
    for study in range(n):
        adata = doses(1000 * seed + study)
        cg.tl.fit_targets(adata, **CALL, targets=list(NAMES), key_added="shared")
        for name in NAMES:
            cg.tl.fit(adata, **CALL, target=name, key_added="alone")
            both = factors_of_kinds(adata, f"shared_{name}").join(
                factors_of_kinds(adata, "alone"), rsuffix="_alone"
            )
            rows.append(both.assign(study=study, dose=name))
    table = pd.concat(rows)
    still = table[~table.index.isin(CHANGED)]
    lines = [
        f"{n} studies, a vehicle and three doses, 5 donors each, 400 cells per condition; of six",
        f"kinds two change and all move; unchanged kinds: {len(still)} factors, log2",
        "",
        "RMSE                                  populations  components",
    ]
    for words, one, other in (
        ("shared rows against separate fits", "{}", "{}_alone"),
        ("shared rows against labels", "{}", "truth"),
        ("separate fits against labels", "{}_alone", "truth"),
    ):
        rmse = [
            float(np.sqrt(np.mean((still[one.format(c)] - still[other.format(c)]) ** 2)))
            for c in ("populations", "components")
        ]
        lines.append(f"{words:<37} {rmse[0]:11.3f} {rmse[1]:11.3f}")
    return lines
