"""Tables of the comparison, from the figures that ``_rivals_store.py`` keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _accuracy import number, table
from _rivals import LABELS, METHODS, OURS

SCORES = ("row", "source", "rmse", "median")
COUNTS = {"alarms": "alarm", "found": "found", "cover": "cover"}


def label(method: str) -> str:
    """Name of a method as it is shown."""
    return LABELS if method == LABELS else METHODS[method].label


def with_reasons(lines: list[str], why: pd.DataFrame) -> list[str]:
    """Add below a table which methods have no answer, and why."""
    if not len(why):
        return lines
    body = [[label(r["method"]), str(r["reason"])] for r in why.to_dict("records")]
    return [*lines, "", *table(["not answered", "why"], body, left=2)]


# Real data -------------------------------------------------------------------------------


def shift_cases(rows: pd.DataFrame) -> pd.DataFrame:
    """Figures of the shift part: one row per method, case and seed."""
    shown = ["method", "case", "seed", *SCORES, "rows", "purity", "cpu", "far"]
    return rows.reindex(columns=shown).dropna(subset=["rmse", "row"], how="all")


def shift_summary(cases: pd.DataFrame) -> pd.DataFrame:
    """Worst case of every method, those with a number in every case first, the best row first."""
    per_case = cases.groupby(["method", "case"], sort=False)[[*SCORES]].mean()
    error = cases.groupby(["method", "case"], sort=False)["row"].sem()
    worst = per_case.groupby("method").max(numeric_only=True)
    mean = per_case["row"].groupby("method").mean()
    # a case without a number counts as one without an answer
    complete = per_case["row"].groupby("method").count() == cases["case"].nunique()
    at = per_case["row"].dropna().groupby("method").idxmax()
    rows = []
    for method in worst.assign(some=~complete).sort_values(["some", "row"]).index:
        case = at[method][1] if method in at.index else ""
        rows.append(
            {
                "method": method,
                "worst_row": worst["row"][method],
                "worst_case": case,
                "error": error.get((method, case), np.nan),
                "mean_row": mean[method],
                "worst_source": worst["source"][method],
                "worst_mean": worst["rmse"][method],
                "worst_median": worst["median"][method],
                "complete": bool(complete[method]),
            }
        )
    return pd.DataFrame(rows)


def shift_table(cases: pd.DataFrame, why: pd.DataFrame) -> list[str]:
    """Write the worst case of every method, then every case."""
    summary = shift_summary(cases).to_dict("records")
    lines = [
        [
            label(r["method"]) + ("" if r["complete"] else " (some cases only)"),
            f"{number(r['worst_row'])} {r['worst_case']}",
            *(number(r[c]) for c in ("mean_row", "worst_source", "worst_mean", "worst_median")),
        ]
        for r in summary
    ]
    head = ["method", "row, worst case", "row, mean"]
    head += [f"{score}, worst" for score in ("source", "mean", "median")]
    lines = [*with_reasons(table(head, lines, left=2), why), ""]
    shown = [*SCORES, "purity", "rows", "cpu"]
    means = cases.groupby(["case", "method"], sort=False)
    per_case = means[shown].mean().assign(seeds=means["seed"].nunique())
    body = []
    for case, part in per_case.groupby("case", sort=False):
        for i, ((_, method), r) in enumerate(part.sort_values("row").iterrows()):
            start = [str(case) if i == 0 else "", label(method)]
            values = [number(r[c]) for c in (*SCORES, "purity")]
            whole = [number(r[c], 0) for c in ("rows", "cpu", "seeds")]
            body.append([*start, *values, *whole])
    head = ["case", "method", "row", "source", "mean", "median", "purity", "rows", "CPU s", "seeds"]
    lines += table(head, body, left=2)
    far = cases[(cases["method"] == OURS) & cases["far"].fillna("").astype(bool)]
    if len(far):
        head = ["case", "rows of cgmm that are off by more than twofold"]
        body = [[str(r["case"]), str(r["far"])] for r in far.to_dict("records")]
        lines += ["", *table(head, body, left=2)]
    return lines


# Joint simulation ------------------------------------------------------------------------


def with_error(own: pd.DataFrame, name: str) -> tuple[float, float]:
    """Share of hits, and its standard error with replicates as the unit."""
    if name not in own or own[f"{name}_n"].fillna(0).sum() == 0:
        return np.nan, np.nan
    hits, of = own[name].fillna(0), own[f"{name}_n"].fillna(0)
    share = hits.sum() / of.sum()
    off, m = hits - share * of, len(own)
    error = np.sqrt(m / (m - 1) * np.square(off).sum()) / of.sum() if m > 1 else np.nan
    return float(share), float(error)


def joint_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Figures of the joint part: one row per method, kind, number of donors and shift.

    A replicate counts when it is answered with and without a change of shares.
    """
    found = []
    one = ["method", "kind", "donors", "shift", "seed"]
    there = rows[rows["alarm"].notna()].groupby(one)["change"].transform("nunique")
    full = rows[there.reindex(rows.index) == rows["change"].nunique()]
    for (kind, donors, shift, method), own in full.groupby(
        ["kind", "donors", "shift", "method"], sort=False
    ):
        about = {"method": method, "kind": kind, "donors": donors, "shift": shift}
        values = {}
        for shown, name in COUNTS.items():
            values[shown], values[f"{shown}_error"] = with_error(own, name)
        n = own["seed"].nunique()
        if n == 1:  # one draw says nothing of its error
            values |= {f"{shown}_error": np.nan for shown in COUNTS}
        found.append({**about, **values, "replicates": n})
    return pd.DataFrame(found)


def joint_table(found: pd.DataFrame, why: pd.DataFrame) -> list[str]:
    """One line per method for every kind, number of donors and shift; shares changed or not."""
    body = []
    for (kind, donors, shift), part in found.groupby(["kind", "donors", "shift"], sort=True):
        # the most found among the honest first, of equals the one with fewer alarms
        part = part.assign(honest=part["alarms"].fillna(1) <= 0.1)
        by = {"honest": False, "found": False, "alarms": True}
        ordered = part.sort_values(list(by), ascending=list(by.values()), kind="stable")
        for i, r in enumerate(ordered.to_dict("records")):
            n = int(donors)
            name = f"{kind}, {n} v {n}, {'states moved' if shift else 'no shift'}"
            cells = [beside(r[c], r[f"{c}_error"]) for c in COUNTS]
            start = [name if i == 0 else "", label(r["method"])]
            body.append([*start, *cells, str(int(r["replicates"]))])
    head = ["design", "method", *COUNTS, "replicates"]
    return with_reasons(table(head, body, left=2), why)


def beside(value: float, error: float) -> str:
    """Write a share with its standard error."""
    return "-" if np.isnan(value) else f"{number(value)} ({number(error)})"


# Milo's protocol, time and memory --------------------------------------------------------


def milo_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Figures of Milo's protocol: one row per method and case."""
    shown = ["method", "population", "enrichment", "batch", "auprc", "auroc", "base"]
    return rows.reindex(columns=shown).dropna(subset="auprc")


def milo_table(scores: pd.DataFrame, why: pd.DataFrame) -> list[str]:
    """AUPRC and AUROC of every case, the best first; one draw each, so there is no error."""
    body = []
    ordered = scores.sort_values("auprc", ascending=False)
    for (population, enrichment, batch), part in ordered.groupby(
        ["population", "enrichment", "batch"]
    ):
        name = f"{population}, enrichment {enrichment:g}, batch sd {batch:g}"
        for i, r in enumerate(part.to_dict("records")):
            shown = [number(r[c]) for c in ("auprc", "auroc", "base")]
            body.append([name if i == 0 else "", label(r["method"]), *shown])
    head = ["case", "method", "AUPRC", "AUROC", "AUPRC of a guess"]
    return with_reasons(table(head, body, left=2), why)


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Figures of time and memory: one row per method and number of cells."""
    return rows.reindex(columns=["method", "cells", "cpu", "beyond"]).dropna(subset="cpu")


def speed_table(found: pd.DataFrame, why: pd.DataFrame) -> list[str]:
    """One line per method, processor seconds and memory by number of cells."""
    sizes = sorted(found["cells"].astype(int).unique())
    body = []
    for method, own in found.groupby("method", sort=False):
        own = own.set_index("cells").reindex(sizes)
        cells = [number(own[c][n], 0) for n in sizes for c in ("cpu", "beyond")]
        body.append([label(method), *cells])
    head = ["method", *(x for n in sizes for x in (f"CPU s, {n:,}", "MB beyond"))]
    return with_reasons(table(head, body), why)
