"""The folder of a comparison with several targets: common tables and ``targets.json``.

Numbers of single targets are copied from the tables of their own folders, so they are stated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import pandas as pd
from anndata.io import read_elem

from cgmm import get
from cgmm._anndata.keys import CONDITION, DEFAULT_KEY, DONOR, Keys
from cgmm._utils.strict_json import loads, write_json
from cgmm.get._common import empty
from cgmm.get._targets import trend_sentence
from cgmm.results.read_targets import FACTS
from cgmm.results.write import write_table
from cgmm.tables import OF_TARGETS, TABLES


def summarise_targets(
    members: Sequence[Path], out: Path, *, entry: Mapping[str, Any], command: str = ""
) -> None:
    """Write the tables that compare several targets, and ``targets.json``.

    Parameters
    ----------
    members
        The results folder of every target.
    out
        The folder to write to.
    entry
        The entry of the config: name, title, source, targets, members, order, scores, all_pairs.
    command
        The command that was run.
    """
    adata, keys = joined(members, entry["source"], entry["targets"])
    scores = entry["scores"]
    parts = []
    for folder, name, target in zip(members, entry["members"], entry["targets"], strict=True):
        path = folder / TABLES["populations"].file
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table.insert(0, "comparison", name)
        table.insert(1, "target", target)
        parts.append(table)
    write_table(pd.concat(parts, ignore_index=True), out / OF_TARGETS["targets"].file)
    trends = get.trends(adata, keys, order=scores) if scores else empty(OF_TARGETS["trends"])
    write_table(trends, out / OF_TARGETS["trends"].file)
    of_pairs = OF_TARGETS["target_pairs"]
    pairs = get.target_pairs(adata, keys) if entry["all_pairs"] else empty(of_pairs)
    write_table(pairs, out / of_pairs.file)
    first = loads((members[0] / "report.json").read_text(encoding="utf-8"))
    content = {
        **{key: entry[key] for key in ("name", "title", "source", "targets", "members")},
        **{key: entry[key] for key in ("order", "scores", "all_pairs")},
        "command": command,
        "trend_sentence": trend_sentence(adata, keys, order=scores) if scores else "",
        "n_cells": _counted(adata, None),
        "donors": _donors(adata),
        "shares": _shares(adata, keys[0]) if scores else [],
        **{key: first.get(key) for key in ("annotated", "config", "versions", "git_commit")},
        **{key: first.get(key) for key in ("dataset", "recipe", "data_source")},
    }
    write_json(content, out / FACTS, nan_as_null=True)


def joined(
    members: Sequence[Path], source: str, targets: Sequence[str]
) -> tuple[ad.AnnData, list[str]]:
    """Return the cells of the source and all targets with their fits, and the keys of the fits.

    The object has no values and no representation: it is for what is counted over labels.

    Parameters
    ----------
    members
        The results folder of every target.
    source, targets
        The conditions.
    """
    frames, entries, keys = [], {}, []
    found = Keys(DEFAULT_KEY).population
    order: list[str] = []
    for i, (folder, target) in enumerate(zip(members, targets, strict=True)):
        with h5py.File(folder / "annotated.h5ad", "r") as file:
            obs: Any = read_elem(file["obs"])
            stored = read_elem(file["uns"][DEFAULT_KEY])
        if found in obs:
            order = list(obs[found].cat.categories) if i == 0 else order
            obs[found] = obs[found].astype(object)
        own = obs if i == 0 else obs.loc[(obs[CONDITION].astype(str) == target).to_numpy()]
        frames.append(own)
        keys.append(f"{DEFAULT_KEY}_{i}")
        entries[keys[-1]] = stored
    joint = pd.concat([frame.astype(object) for frame in frames])
    joint[CONDITION] = pd.Categorical(joint[CONDITION].astype(str), categories=[source, *targets])
    if order:
        shared = pd.Categorical(joint[found], categories=order)
        for key in keys:
            joint[Keys(key).population] = shared
    return ad.AnnData(obs=joint, uns=entries), keys


def _counted(adata: ad.AnnData, column: str | None) -> dict[str, int]:
    """Return the number of cells, or of distinct values of a column, in every condition."""
    groups = adata.obs.groupby(CONDITION, observed=False)
    numbers = groups.size() if column is None else groups[column].nunique()
    return {str(name): int(n) for name, n in numbers.items()}


def _donors(adata: ad.AnnData) -> dict[str, Any]:
    """Return the donors of every condition, and how many are in several."""
    if DONOR not in adata.obs:
        return {"per_condition": {}, "n_donors": 0, "n_in_several": 0}
    several = adata.obs.groupby(DONOR, observed=True)[CONDITION].nunique()
    return {
        "per_condition": _counted(adata, DONOR),
        "n_donors": len(several),
        "n_in_several": int((several > 1).sum()),
    }


def _shares(adata: ad.AnnData, key: str) -> list[dict[str, Any]]:
    """Return the share of every population in every donor and condition."""
    if DONOR not in adata.obs:
        return []
    by = get.params(adata, key=key)["name_by"] or Keys(key).population
    if by not in adata.obs:
        return []
    counts = pd.crosstab(
        [adata.obs[CONDITION].astype(str), adata.obs[DONOR].astype(str)],
        adata.obs[by].astype(object),
    )
    totals = adata.obs.groupby(
        [adata.obs[CONDITION].astype(str), adata.obs[DONOR].astype(str)], observed=True
    ).size()
    rows = []
    for key_of, own in counts.iterrows():
        condition, donor = map(str, key_of)  # type: ignore[call-overload]
        total = int(totals[(condition, donor)])
        rows += [
            {
                "condition": condition,
                "donor": donor,
                "name": str(name),
                "share": float(n) / total,
                "n_cells": total,
            }
            for name, n in own.items()
        ]
    return rows
