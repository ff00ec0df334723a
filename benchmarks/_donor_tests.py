"""Methods of the donor benchmark: each gives p-values of its components, clusters or whatever.

All answer in the same form, one row per feature (component, cluster, neighbourhood, label): the
true subpopulation that most of its cells belong to, how pure it is, and its p. Ours adds estimate
and interval.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from _donor_cases import Case

from cgmm.automatic.clusters import LeidenClusters
from cgmm.automatic.fit import fit_automatic
from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import design
from cgmm.donors.moderated_t import moderated_t
from cgmm.donors.shares import donor_weights
from cgmm.donors.uncertainty import uncertainty

N_PERMUTATIONS = 400
MILO_NEIGHBOURS, MILO_PART = 50, 0.1
NEEDS = {"milo": ("pertpy", "pydeseq2")}

Method = Callable[[Case, int], pd.DataFrame]


def ours(case: Case, seed: int) -> pd.DataFrame:
    """Make the default fit, its intervals and tests; one row per source component."""
    began = time.perf_counter()
    fit = fitted(case, seed)
    seconds = time.perf_counter() - began
    return uncertainty_of(fit, case, seed).assign(seconds=seconds)


def fitted(case: Case, seed: int) -> CoupledFit:
    """Make the default fit."""
    return fit_automatic(
        *case.points,
        weights_source=donor_weights(case.donors[0]),
        weights_target=donor_weights(case.donors[1]),
        donors_source=case.donors[0],
        donors_target=case.donors[1],
        random_state=seed,
    )


def uncertainty_of(
    fit: CoupledFit,
    case: Case,
    seed: int,
    *,
    n_permutations: int = N_PERMUTATIONS,
) -> pd.DataFrame:
    """Intervals and tests of a fit; one row per source component."""
    began = time.perf_counter()
    of = uncertainty(
        fit,
        case.points,
        case.donors,
        design(*case.donors, paired=False),
        n_permutations=n_permutations,
        random_state=seed,
    ).factors
    in_source = fit.prevalence_source.responsibilities(case.points[0])
    return features(in_source, case.labels[0], case).assign(
        log2_net=of.log2_net,
        low=of.low,
        high=of.high,
        p=of.p,
        p_moderated=of.p_moderated,
        p_permutation=of.p_permutation,
        seconds_uncertainty=time.perf_counter() - began,
    )


def propeller(case: Case, seed: int) -> pd.DataFrame:
    """Leiden clusters of all cells together, moderated t on the logits of donors' shares."""
    clusters = LeidenClusters(np.concatenate(case.points), None, seed).labels(1.0, seed)
    return _of_classes(case, clusters)


def labels(case: Case, _seed: int) -> pd.DataFrame:
    """Do the same test on the true labels: what could be found if clusters were perfect."""
    return _of_classes(case, np.concatenate(case.labels))


def _of_classes(case: Case, classes: np.ndarray) -> pd.DataFrame:
    member = (classes[:, None] == np.unique(classes)).astype(float)
    names = [np.char.add(f"{side} ", d.astype(str)) for side, d in enumerate(case.donors)]
    units, unit = np.unique(np.concatenate(names), return_inverse=True)
    counts = (unit == np.arange(len(units))[:, None]).astype(float) @ member
    # propeller's logit: half a cell is added to every cluster
    share = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    second = np.char.startswith(units, "1 ").astype(float)
    matrix = np.column_stack([np.ones(len(units)), second])
    test = moderated_t(np.log(share) - np.log1p(-share), matrix)
    return features(member, np.concatenate(case.labels), case).assign(p=test.p)


def milo(case: Case, seed: int) -> pd.DataFrame:
    """Milo on the points as they are; one row per neighbourhood."""
    import anndata as ad
    import pertpy
    import scanpy as sc

    points = np.concatenate(case.points)
    side = np.repeat(["a", "b"], [len(x) for x in case.points])
    obs = pd.DataFrame(index=[f"c{i}" for i in range(len(points))])
    obs["condition"] = pd.Categorical(side, categories=["a", "b"])
    donors = np.concatenate(case.donors).astype(str)
    obs["replicate"] = pd.Categorical(np.char.add(np.char.add(side, "|"), donors))
    cells = ad.AnnData(X=np.zeros((len(points), 1)), obs=obs, obsm={"rep": points})
    tool = pertpy.tl.Milo()
    # it prints its results and its progress
    quiet = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        mdata = tool.load(cells)
        cells = mdata["rna"]
        sc.pp.neighbors(cells, n_neighbors=MILO_NEIGHBOURS, use_rep="rep", random_state=seed)
        tool.make_nhoods(cells, prop=MILO_PART, seed=seed)
        mdata = tool.count_nhoods(mdata, sample_col="replicate")
        tool.da_nhoods(mdata, design="~condition", solver="pydeseq2")
    p = mdata["milo"].var["PValue"].to_numpy(float)
    member = np.asarray(cells.obsm["nhoods"].todense(), float)
    return features(member, np.concatenate(case.labels), case).assign(p=p)


METHODS: dict[str, Method] = {
    "cgmm": ours,
    "propeller": propeller,
    "milo": milo,
    "labels": labels,
}


def missing() -> dict[str, str]:
    """Methods that cannot run, and why."""
    absent = {name: [p for p in needed if find_spec(p) is None] for name, needed in NEEDS.items()}
    return {name: f"not run: needs {' and '.join(p)}" for name, p in absent.items() if p}


def features(member: np.ndarray, true: np.ndarray, case: Case) -> pd.DataFrame:
    """Say which true subpopulation a feature belongs to.

    Parameters
    ----------
    member
        Weight of every cell in every feature, shape (n_cells, n_features).
    true
        Labels of these cells.
    case
        Gives the true factors.

    Returns
    -------
    Columns label, purity (share of the label in the feature), truth (of the label).
    """
    one: Any = (true[:, None] == np.arange(len(case.log2_net))).astype(float)
    mass = member.T @ one
    part = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
    label = part.argmax(axis=1)
    return pd.DataFrame({"label": label, "purity": part.max(axis=1), "truth": case.log2_net[label]})
