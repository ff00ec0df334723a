"""Makes results folders like those of the workflow, small and with every oddity on request."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cgmm.tables import GENE_SETS
from tests.report.folder_markers import marker_table
from tests.report.folder_samples import sample_tables

NAMES = [
    "CD14 Mono", "CD4 Naive T", "CD4 Memory T", "CD16 Mono", "B", "CD8 T", "NK", "T activated",
    "DC", "B Activated", "Mk", "pDC",
]  # fmt: skip
NASTY = [
    "<script>window.broken=1</script>",
    "quote \" and ' and & <b>bold</b>",
    "</script><img src=x onerror=window.broken=2>",
    "a very long name " * 5,
    "Übergröße γδ T 细胞 🧬",
    "=HYPERLINK(1)",
    "{{ 7*7 }}",
    "NA",
]
COMMON = ["ISG15", "IFI6", "IFIT3", "IFIT1", "ISG20", "MX1", "LY6E"]
SPECIFIC = ["CXCL10", "CCL8", "APOBEC3A", "TNFSF10", "CD69", "GNLY", "HLA-DRA", "S100A8", "PPBP"]
D = 6


def _names(k: int, nasty: bool) -> list[str]:
    names = [*NASTY, *NAMES] if nasty else [*NAMES]
    names += [f"Cluster {i}" for i in range(1, k + 1)]
    return names[:k]


def _without(
    before: np.ndarray, after: np.ndarray, names0: list[str], names1: list[str], donor: str
) -> tuple[float, bool]:
    """Return the log2 factor without a donor, and whether the donor points the other way."""
    if len(names0) < 2:
        return np.nan, False
    own0, own1 = (np.array([n == donor for n in names]) for names in (names0, names1))
    change = np.log2(after.mean() / before.mean())
    own = (after[own1] if own1.any() else after).mean() / (
        before[own0] if own0.any() else before
    ).mean()
    left = np.log2(after[~own1].mean() / before[~own0].mean())
    return float(left), bool(np.log2(own) * change < 0)


def write_gene_donors(
    folder: Path, genes: pd.DataFrame, source: list[str], target: list[str]
) -> None:
    """Write the genes in every donor: their means, and a little noise that differs by donor."""
    rng = np.random.default_rng(0)
    pairs = genes[["name", "gene", "mean_source", "mean_target"]].to_numpy(object)
    units = [("source", d, 2) for d in source] + [("target", d, 3) for d in target]
    columns = {
        "name": np.repeat(pairs[:, 0], len(units)),
        "gene": np.repeat(pairs[:, 1], len(units)),
        "side": np.tile([u[0] for u in units], len(pairs)),
        "donor": np.tile([u[1] for u in units], len(pairs)),
        "mean": pairs[:, [u[2] for u in units]].astype(float).ravel(),
    }
    columns["mean"] = np.maximum(columns["mean"] + rng.normal(0, 0.15, len(columns["mean"])), 0)
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "gene_donors.tsv.gz", sep="\t", index=False, float_format="%.4g")


def write_gene_sets(folder: Path, names: list[str]) -> None:
    """Write three gene sets: one rises in all populations, one falls in the first, one stays."""
    rows = [
        (i, name, s, 20, 25, change, 0.02, 9 * change, p, min(3 * p, 1.0), "ISG15 IFI6 MX1")
        for i, name in enumerate(names)
        for s, change, p in (
            ("response to interferon", 1.1, 1e-14),
            ("<b>translation</b>", -0.4, 1e-4 if i == 0 else 0.5),
            ("a set with a name that is so long that it has to be cut in the figure", 0.03, 0.8),
        )
    ]
    pd.DataFrame(rows, columns=list(GENE_SETS.names)).to_csv(
        folder / GENE_SETS.file, sep="\t", index=False
    )


def make_folder(
    folder: Path,
    *,
    k: int = 12,
    n_cells: int = 6000,
    donors: int = 5,
    paired: bool = False,
    genes: bool = True,
    nasty: bool = False,
    flat: bool = False,
    truth: bool = False,
    new_and_gone: bool = True,
    converged: bool = True,
    empty_transfers: bool = False,
    sensitivity: bool = True,
    intervals: bool = False,
    annotated: bool = True,
    seed: int = 0,
) -> Path:
    """Write a results folder of `k` populations a side and return it."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    source_names = _names(k, nasty)
    target_names = list(source_names)
    special = new_and_gone and k > 4 and not flat
    if special:
        target_names[-1] = "CXCL9 GBP5 IDO1"
    weights = np.sort(rng.dirichlet(np.full(k, 1.4)) + 0.012)[::-1]
    s = weights / weights.sum()
    log2_true = np.zeros(k)
    if not flat:
        log2_true[1 % k] = 1.1
        log2_true[min(3, k - 1)] = -1.3
        if k > 6:
            log2_true[6] = 0.3
    t = s * 2.0**log2_true
    t = t / t.sum()
    coupling = np.diag(s * t / (s + t))
    if not flat and k > 4:
        coupling[2, 1] += 0.18 * coupling[2, 2]
        coupling[4, 9 % k] += 0.30 * coupling[4, 4]
    coupling += 1e-6
    if special:
        coupling[-1] *= 0.03
        coupling[:, -1] *= 0.03
    back = coupling / coupling.sum(0, keepdims=True)
    f = 0.91

    def shares(base: np.ndarray, n: int, extra: np.ndarray) -> np.ndarray:
        noisy = base * np.exp(rng.normal(0, 0.18, (n, k)) + extra)
        return noisy / noisy.sum(1, keepdims=True)

    effect = rng.normal(0, 0.25, (max(donors, 1), k))
    zero = np.zeros_like(effect)
    share0 = shares(s, max(donors, 1), effect if paired else zero)
    share1 = shares(t, max(donors, 1), effect if paired else zero)
    s, t = share0.mean(0), share1.mean(0)
    n0 = n_cells // 2
    n1 = n_cells - n0
    after = t.copy()
    if special:
        after[-1] = 0.5 / n1
    log2_net = np.log2(after / s)
    mass = back * t
    to = mass / mass.sum(1, keepdims=True)

    labels0 = [f"donor{i + 1}" for i in range(donors)]
    labels1 = labels0 if paired else [f"donor{donors + i + 1}" for i in range(donors)]
    if nasty and donors:
        labels0[0] = "<i>donor</i>"
    low = high = p = q = np.full(k, np.nan)
    reason = ["No donors were given: without donors there is no interval."] * k
    if donors >= 3:
        y1, y0 = np.log2(share1 + 1e-4), np.log2(share0 + 1e-4)
        if paired:
            diff = y1 - y0
            result = stats.ttest_1samp(diff, 0)
            interval = result.confidence_interval()
        else:
            result = stats.ttest_ind(y1, y0, equal_var=False)
            interval = result.confidence_interval()
        low, high, p = interval.low, interval.high, result.pvalue
        q = stats.false_discovery_control(p)
        reason = [""] * k
        if k > 4:
            low, high, p, q = (np.array(v, dtype=float) for v in (low, high, p, q))
            low[-1] = high[-1] = p[-1] = q[-1] = np.nan
            reason[-1] = "Seen in fewer than 2 donors of a side: no interval."
    elif donors:
        reason = ["Fewer than 3 donors in a condition: no interval."] * k

    shift_sd = np.linspace(1.6, 0.15, k) if not flat else np.full(k, 0.08)
    factors = pd.DataFrame({
        "component": range(k), "name": source_names, "share_source": s, "share_target": after,
        "log2_net": log2_net, "ci_low": low, "ci_high": high, "p": p,
        "q": q, "n_cells": s * n0, "n_cells_target": after * n1, "reason": reason,
        "log2_net_fit": log2_net + np.where(np.arange(k) == 4, 1.0, 0.05), "purity": 0.9,
        "fit_says": ["differs" if i == 4 and not flat else "" for i in range(k)],
        "status": ["gone" if special and i == k - 1 else "" for i in range(k)],
    })  # fmt: skip
    if sensitivity:
        factors["settled"] = [flat or i != 2 % k for i in range(k)]
    if intervals:
        factors["interval_from"] = np.where(np.isfinite(low), "donor bootstrap", "")
        factors["p_moderated"] = p
    rows = [
        (source_names[i], target_names[j], i, j, mass[i, j], to[i, j], back[i, j])
        for i in range(k)
        for j in range(k)
        if mass[i, j] > 1e-9
    ]
    columns = [
        "source", "target", "source_component", "target_component", "mass", "share_of_source",
        "share_of_target",
    ]  # fmt: skip
    transfers = pd.DataFrame(rows, columns=columns).sort_values("mass", ascending=False)
    if empty_transfers:
        transfers = transfers.iloc[:0]
    best = back.argmax(0)
    arrivals = pd.DataFrame({
        "component": range(k), "name": target_names, "share_target": t,
        "inflow": t / mass.sum(0), "log2_inflow": np.log2(t / mass.sum(0)),
        "main_source": [source_names[i] for i in best], "share_from_main_source": back.max(0),
        "n_cells": t * n1,
        "status": ["new" if special and i == k - 1 else "" for i in range(k)],
    })  # fmt: skip
    unit = 4.0
    gene_rows = []
    for i in range(k if genes else 0):
        changes = dict(zip(COMMON, shift_sd[i] * np.linspace(2.6, 1.2, len(COMMON)), strict=True))
        for g, amount in zip(rng.permutation(SPECIFIC)[:4], (3.1, 1.4, -0.9, -1.2), strict=True):
            changes[str(g)] = amount * shift_sd[i]
        ranked = sorted(changes, key=lambda g: -abs(changes[g]))
        gene_rows += [
            (i, source_names[i], g, changes[g], 1.0, 1.0 + changes[g], 0.3, 0.7, r + 1,
             k if g in COMMON else 3, "common" if g in COMMON else "specific")
            for r, g in enumerate(ranked)
        ]  # fmt: skip
    gene_columns = [
        "component", "name", "gene", "log2_change", "mean_source", "mean_target",
        "fraction_source", "fraction_target", "rank", "n_subpopulations", "scope",
    ]  # fmt: skip
    gene_table = pd.DataFrame(gene_rows, columns=gene_columns)
    top = {n: " ".join(g["gene"].head(5)) for n, g in gene_table.groupby("name")}
    shifts = pd.DataFrame({
        "source": source_names, "target": source_names, "source_component": range(k),
        "target_component": range(k), "share_of_source": np.diag(to), "mean_shift": unit * shift_sd,
        "mean_shift_sd": shift_sd, "top_genes": [top.get(name, "") for name in source_names],
    })  # fmt: skip
    if special:
        shifts = shifts.iloc[:-1].copy()
    if empty_transfers:
        shifts = shifts.iloc[:0]
    if intervals:
        shifts["unbiased_shift_sd"] = shifts["mean_shift_sd"] * 0.95
        shifts["ci_low"] = shifts["mean_shift_sd"] * 0.7
        shifts["ci_high"] = shifts["mean_shift_sd"] * 1.4
        shifts["p"], shifts["q"] = 0.001, 0.002
        gene_table["de_log2_change"] = gene_table["log2_change"] * 0.9
        gene_table["de_p"], gene_table["de_q"] = 0.0012, 0.023
        gene_table["common_change"] = gene_table["log2_change"] * 0.6
        gene_table["specific_change"] = gene_table["log2_change"] * 0.4
    tried = [("seed", v, 0.1 * j) for j, v in enumerate("123")]
    tried += [("partition", v, 0.2 * j) for j, v in enumerate("12")]
    far = np.where(np.arange(k) == 2 % k, 1.0 if flat else 9.0, 1.0)
    sensitivity_table = pd.DataFrame(
        [
            (what, value, i, source_names[i], log2_net[i] + far[i] * extra, far[i] * extra,
             "", np.nan)
            for what, value, extra in tried for i in range(k)
        ],
        columns=["parameter", "value", "component", "name", "log2_net", "difference",
                 "main_target", "F"],
    )  # fmt: skip
    halves = [(n, j) for n in source_names for j in (1, 2)] if k > 2 else []
    states = pd.DataFrame({
        "population": [n for n, _ in halves], "component": range(len(halves)),
        "name": [f"{n} {j}" for n, j in halves],
        "share_source": [(0.7, 0.3)[j - 1] for _, j in halves],
        "share_target": [(0.4, 0.6)[j - 1] for _, j in halves],
        "log2_within": [np.log2((0.4 / 0.7, 0.6 / 0.3)[j - 1]) for _, j in halves],
        "ci_low": [(-1.3, 0.4)[j - 1] if donors else np.nan for _, j in halves],
        "ci_high": [(-0.4, 1.5)[j - 1] if donors else np.nan for _, j in halves],
        "p": 0.004 if donors else np.nan, "q": 0.01 if donors else np.nan,
        "reason": "" if donors else "No donors were given.", "purity": 0.97,
    })  # fmt: skip
    names_of_donors = sorted({*labels0, *labels1})
    influence = pd.DataFrame([
        (source_names[i], donor, *_without(share0[:, i], share1[:, i], labels0, labels1, donor))
        for i in range(k - special) for donor in names_of_donors
    ], columns=["name", "donor", "log2_net_without", "disagrees"])  # fmt: skip
    components = pd.concat([
        pd.DataFrame({
            "side": side, "component": range(k), "name": names, "weight": share, "share": share,
            "n_cells": share * n, "markers": "LYZ S100A8 FCN1",
            "cell_type": names if annotated else "", "cell_type_purity": 0.93,
        })
        for side, names, share, n in (
            ("source", source_names, s, n0), ("target", target_names, t, n1),
        )
    ])  # fmt: skip
    donor_rows = [
        (side, condition, donor, i, names[i], share[d, i], round(n / max(donors, 1)))
        for side, condition, labels, names, share, n in (
            ("source", "ctrl", labels0, source_names, share0, n0),
            ("target", "stim", labels1, target_names, share1, n1),
        )
        for d, donor in enumerate(labels)
        for i in range(k)
    ]
    donor_table = pd.DataFrame(
        donor_rows, columns=["side", "condition", "donor", "component", "name", "share", "n_cells"]
    )
    positions = donor_table.loc[donor_table["component"] < k - 1].copy()
    moved = np.where(positions["side"] == "target", shift_sd[positions["component"]], 0.0)
    positions["position_sd"] = moved + rng.normal(0, 0.1, len(positions))
    positions["name"] = [source_names[i] for i in positions["component"]]
    positions = positions.drop(columns="share")

    angle = np.linspace(0, 2 * np.pi, k, endpoint=False)
    centre = np.zeros((k, D))
    centre[:, 0], centre[:, 1] = 9 * np.cos(angle), 7 * np.sin(angle)
    move = rng.normal(0, 1, (k, D))
    move *= (shift_sd * 2.0 / np.linalg.norm(move, axis=1))[:, None]
    label0, label1 = rng.choice(k, n0, p=s), rng.choice(k, n1, p=t)
    x0 = centre[label0] + rng.normal(0, 1.1, (n0, D))
    x1 = (centre + move)[label1] + rng.normal(0, 1.1, (n1, D))
    x = np.vstack([x0, x1])
    cells = pd.DataFrame({
        "barcode": [f"cell{i}" for i in range(n0 + n1)],
        "sample": ["s0"] * n0 + ["s1"] * n1,
        "donor": [*rng.choice(labels0 or [""], n0), *rng.choice(labels1 or [""], n1)],
        "condition": ["ctrl"] * n0 + ["stim"] * n1,
        "population": [source_names[i] for i in label0] + [target_names[i] for i in label1],
        "log2_net_factor": [*log2_net[label0], *(back.T @ log2_net)[label1]],
        "shift": [*(shift_sd[label0] * unit), *np.full(n1, np.nan)],
        "UMAP1": x[:, 0] + 0.4 * x[:, 2], "UMAP2": x[:, 1] + 0.4 * x[:, 3],
        **{f"PC{i + 1}": x[:, i] for i in range(D)},
        "obs_kind": [f"kind {i % 4}" for i in (*label0, *label1)],
        "obs_plate": [f"plate {1 + i % 3}" if i % 10 else "" for i in range(n0 + n1)],
    })  # fmt: skip

    tables = {
        "factors": factors, "transfers": transfers, "arrivals": arrivals, "shifts": shifts,
        "genes": gene_table, "components": components, "donors": donor_table,
        "sensitivity": sensitivity_table, "donor_shifts": positions, "states": states,
        "influence": influence, **sample_tables(cells, rng),
        "markers": marker_table(source_names, rng),
    }  # fmt: skip
    for name, table in tables.items():
        wanted = {
            "genes": genes, "donors": donors, "sensitivity": sensitivity,
            "donor_shifts": donors and intervals, "influence": donors >= 2,
        }  # fmt: skip
        if not wanted.get(name, True):
            continue
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    with gzip.open(folder / "cells.tsv.gz", "wt", encoding="utf-8") as handle:
        cells.to_csv(handle, sep="\t", index=False, float_format="%.6g")
    if genes and donors:
        write_gene_donors(folder, gene_table, labels0, labels1)
    if genes and intervals:
        write_gene_sets(folder, source_names)

    eye = np.broadcast_to(np.eye(D) * 1.2, (k, D, D)).tolist()
    history = (-7.4 + 0.9 * (1 - np.exp(-np.arange(24) / 4))).tolist()
    sample = {"condition": "ctrl", "donor": None, "batch": None, "sha256": "ab" * 32}
    meta = {
        "name": folder.name, "source": "ctrl", "target": "stim", "dataset": "data",
        "n_cells": {"source": n0, "target": n1}, "annotated": annotated,
        "samples": [
            {**sample, "sample": "pbmc_ctrl", "path": "data/pbmc_ctrl.h5ad",
             "n_cells_read": n0 + 200, "n_cells_kept": n0},
            {**sample, "sample": "pbmc_stim", "condition": "stim", "path": "data/pbmc_stim.h5ad",
             "n_cells_read": n1 + 300, "n_cells_kept": n1},
        ],
        "parameters": {"n_components": [k, k], "epsilon": 0.05, "rho": 2.0,
                       "transport_weight": 0.03, "covariance_type": "full", "random_state": 0},
        "reasons": {"rho": "Five times the typical spread within a population."},
        "fit": {
            "converged": converged, "n_steps": 24, "history": history, "transport_cost": 1.9,
            "F": f, "log_likelihood": [-3.1, -3.3], "seconds": 4.2,
            "status": "Converged after 24 steps: the objective rose by less than 1e-6."
            if converged
            else "Stopped after 24 steps while the objective was still rising by 0.003.",
        },
        "representation": {"use_rep": "X_pca", "n_dims": D},
        "components": {
            "source": {"means": centre.tolist(), "covariances": eye, "weights": s.tolist()},
            "target": {
                "means": (centre + move).tolist(), "covariances": eye, "weights": t.tolist()
            },
        },
        "qc": {
            "pbmc_ctrl": {"n_cells_read": n0 + 200, "n_kept": n0, "median_genes": 812,
                          "median_counts": 1890, "pct_mt": 2.1},
            "pbmc_stim": {"n_cells_read": n1 + 300, "n_kept": n1, "median_genes": 790,
                          "median_counts": 1804, "pct_mt": 2.3},
        },
        "config": {"qc": {"min_genes": 200, "max_pct_mt": 20}, "n_top_genes": 2000, "seed": 0},
        "versions": {"cgmm": "0.1.0", "scanpy": "1.11.5", "jax": "0.10.2", "snakemake": "9.27.1"},
        "command": "snakemake --cores 2", "git_commit": "0123abc",
        "runtime": {"fit": 12.2, "embed": 71.0},
        "notices": [],
        "data_source": {
            "text": "PBMC with and without interferon beta (Kang et al. 2018).",
            "licence": "GPL-3.0-only", "citation": "Kang HM, et al. Nat Biotechnol 36:89–94, 2018.",
        },
        "truth": {"names": source_names, "log2_net": log2_true.tolist()} if truth else None,
    }  # fmt: skip
    if intervals:
        meta["donors"] = {
            "n_bootstrap": 400, "n_permutations": 252, "smallest_p": 0.0079, "paired": paired,
            "test": "permutation", "baseline": "median", "adjusted_for_batch": True,
            "sentences": ["Donor <b>d9</b> has 12 cells and was left out."],
        }  # fmt: skip
        meta["reasons"]["metric"] = "learned from the matches"
        meta["reasons"]["origin"] = "each target cell counts for the source cells that it resembles"
        meta["reasons"]["n_components"] = "of 4 partitions (resolution 1, resolution 2) the middle"
    if nasty:
        meta["source"], meta["target"] = "ctrl", "stim"
        meta["notices"] = [{"level": "warning", "text": "<b>odd</b>", "advice": "</script>"}]
    (folder / "report.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder
