"""Kept figures of the comparison: a method that runs anew replaces its own, all others stay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
from _rivals import METHODS, OURS, RIVALS, ROOT

SUMMARY = RIVALS / "summary.tsv"
WHY, NOT_RUN = "why", "not run this time"
KEYS = {
    "shift case": ("method", "case", "seed"),
    "joint": ("method", "kind", "donors", "shift"),
    "milo": ("method", "population", "enrichment", "batch"),
    "speed": ("method", "cells"),
}


def kept(part: str, path: Path = SUMMARY) -> pd.DataFrame:
    """Figures of a part as they were kept; columns without a value are left out."""
    table = pd.read_csv(path, sep="\t", dtype={"code": str})
    return table[table["part"] == part].drop(columns="part").dropna(axis=1, how="all")


def together(
    part: str, found: pd.DataFrame, path: Path = SUMMARY, *, anew: bool = True
) -> pd.DataFrame:
    """Join new figures of a part with the kept ones; new ones replace those of the same keys.

    Of cgmm, each new figure carries the commit of its code; figures of answers that were there
    before (``anew`` is false) keep theirs.
    """
    keys = list(KEYS[part])
    if len(found):
        found = found.assign(code=found["method"].map({OURS: commit()} if anew else {}))
    both = pd.concat([kept(part, path), found], ignore_index=True)
    if not anew and "code" in both:
        both["code"] = both.groupby(keys, dropna=False)["code"].transform("first")
    order = {method: i for i, method in enumerate(METHODS)}
    both = both.drop_duplicates(keys, keep="last")
    return both.sort_values("method", key=lambda m: m.map(order).fillna(-1), kind="stable")


def reasons(
    part: str,
    found: dict[str, str],
    answered: set[str],
    asked: set[str] = frozenset(),
    path: Path = SUMMARY,
) -> pd.DataFrame:
    """Why methods have no answer, or not every answer.

    Parameters
    ----------
    part
        Of the comparison; what a method cannot do there by its nature is always said.
    found
        Reasons of this run.
    answered
        Methods with figures.
    asked
        Methods of this run: a kept reason stays unless its method is one of them and has figures.
    path
        The kept figures.
    """
    old = kept(f"{part} {WHY}", path)
    known = dict(zip(old.get("method", []), old.get("reason", []), strict=True))
    known = {m: r for m, r in known.items() if r != NOT_RUN and not (m in asked and m in answered)}
    known |= found | {m: r.cannot[part] for m, r in METHODS.items() if part in r.cannot}
    lines = [(m, known.get(m, NOT_RUN)) for m in METHODS if m in known or m not in answered]
    return pd.DataFrame(lines, columns=["method", "reason"])


def keep(parts: dict[str, pd.DataFrame], path: Path = SUMMARY) -> None:
    """Write the figures of some parts, the others stay."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    table = table[~table["part"].isin(parts)]
    new = [frame.assign(part=part) for part, frame in parts.items()]
    text = [frame.map(_text) for frame in new]
    both = pd.concat([table, *text], ignore_index=True).fillna("")
    first = ["part", "method"]
    both = both[[*first, *(c for c in both if c not in first)]]
    both.loc[:, (both != "").any()].to_csv(path, sep="\t", index=False)


def _text(value: object) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def commit() -> str:
    """Short name of the last commit of cgmm, with a plus when files differ from it."""
    call = ["git", "-C", str(ROOT)]
    last = [*call, "log", "-1", "--format=%h", "--", "cgmm"]
    name = subprocess.run(last, capture_output=True, text=True, check=False)
    changed = subprocess.run([*call, "diff", "--quiet", "HEAD", "--", "cgmm"], check=False)
    return name.stdout.strip() + ("+" if changed.returncode else "")
