"""Cells of a vehicle and three doses with known changes, and a fit of each dose by hand."""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg
from cgmm.mixture.initial import mixture_from_labels

CONDITIONS = ("vehicle", "low", "mid", "high")
NAMES = ("rises", "stays", "other", "more", "rest")
RISES = 0.7  # log2 per step
N_DONORS, N_CELLS = 4, 120
CENTRES = 8.0 * np.eye(len(NAMES))[:, :4]


def doses_of(*, paired: bool, donors: bool = True, seed: int = 0) -> ad.AnnData:
    """Return cells with fits ``cgmm_low``, ``cgmm_mid``, ``cgmm_high`` of the same source."""
    rng = np.random.default_rng(seed)
    of_donor = rng.normal(0, 0.5, (N_DONORS, len(NAMES)))
    base = np.log([0.12, 0.28, 0.25, 0.2, 0.15])
    frames, points = [], []
    for step, condition in enumerate(CONDITIONS):
        for donor in range(N_DONORS):
            own = of_donor[donor] if paired else rng.normal(0, 0.15, len(NAMES))
            logs = base + own + rng.normal(0, 0.1, len(NAMES))
            logs[0] += step * RISES * np.log(2)
            share = np.exp(logs) / np.exp(logs).sum()
            kinds = rng.choice(len(NAMES), N_CELLS, p=share)
            points.append(CENTRES[kinds] + rng.normal(size=(N_CELLS, 4)))
            who = f"{'donor' if paired else condition} {donor}"
            frames.append(
                pd.DataFrame(
                    {"condition": condition, "donor": who, "cell_type": np.array(NAMES)[kinds]}
                )
            )
    obs = pd.concat(frames, ignore_index=True)
    obs.index = obs.index.astype(str)
    obs["condition"] = pd.Categorical(obs["condition"], categories=list(CONDITIONS))
    adata = ad.AnnData(obs=obs, obsm={"X_pca": np.concatenate(points)})
    codes = pd.Index(NAMES).get_indexer(pd.Index(obs["cell_type"]))
    source = (obs["condition"] == "vehicle").to_numpy()
    x = adata.obsm["X_pca"]
    first = mixture_from_labels(x[source], codes[source], None, len(NAMES), 1e-3)
    shared = None
    for target in CONDITIONS[1:]:
        there = (obs["condition"] == target).to_numpy()
        start = mixture_from_labels(x[there], codes[there], None, len(NAMES), 1e-3)
        fit = cg.fit_coupled(x[source], x[there], init=(first, start), locked="source", max_steps=3)
        shared = shared or fit.source  # the same numbers to the last bit
        cg.tl.annotate(
            adata,
            replace(fit, source=shared),
            condition_key="condition",
            source="vehicle",
            target=target,
            donor_key="donor" if donors else None,
            name_by="cell_type",
            key_added=f"cgmm_{target}",
        )
    return adata
