"""What is wrong with a comparison, in words, and what to do about it. Silence when all is well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cgmm.report import text
from cgmm.report.data import Results

FEW_CELLS_A_SIDE = 500
FEW_CELLS = 50
BLURRED = 0.5
ONE_DONOR = 0.6


@dataclass(frozen=True)
class Alert:
    """One thing a reader must know before trusting a number."""

    level: str
    title: str
    text: str
    advice: str = ""


def _fit_alerts(results: Results) -> list[Alert]:
    fit = results.fit
    alerts = []
    if fit.get("converged") is False:
        alerts.append(
            Alert(
                "problem",
                "The fit did not converge",
                text.sentence(str(fit.get("status") or "The fit stopped before it settled")),
                "Do not use these numbers yet. Try fewer subpopulations (n_components under fit in "
                "config/config.yaml) and run again.",
            )
        )
    return alerts


def _donor_alerts(results: Results) -> list[Alert]:
    n0, n1 = results.donors_per_side()
    if not results.has_donors:
        return [
            Alert(
                "info",
                "No donors: no intervals and no tests",
                "Cells of one person are not independent, so cell numbers alone cannot say whether "
                "a change would be seen again.",
                "Fill the donor column of config/samples.tsv; three donors or more per condition "
                "give intervals.",
            )
        ]
    if min(n0, n1) < 3:
        return [
            Alert(
                "warning",
                "Too few donors for intervals",
                f"{results.source} has {text.plural(n0, 'donor')}, {results.target} has {n1}. "
                "With fewer than three on a side the spread between donors cannot be estimated.",
                "Treat every factor as a description of these donors only; add donors to test it.",
            )
        ]
    donors = results.tables["donors"]
    amount = donors.assign(cells=donors["share"] * donors["n_cells"])
    heavy = []
    for (_, name), rows in amount.groupby(["side", "name"], sort=True):
        total = rows["cells"].sum()
        if total >= FEW_CELLS and len(rows) >= 3 and rows["cells"].max() / total > ONE_DONOR:
            worst = rows.sort_values("cells", kind="stable").iloc[-1]
            heavy.append(
                f"{name} ({worst['donor']}: "
                f"{text.percent(worst['cells'] / total)} of its {worst['side']} cells)"
            )
    if not heavy:
        return []
    return [
        Alert(
            "warning",
            "One donor supplies most cells of a subpopulation",
            text.join_some(heavy) + ".",
            "Check these in the donor panel before believing a change there.",
        )
    ]


def _size_alerts(results: Results) -> list[Alert]:
    alerts = []
    counts = results.meta.get("n_cells")
    if isinstance(counts, Mapping):
        small = [
            f"{label} ({text.count(counts[key])})"
            for key, label in (("source", results.source), ("target", results.target))
            if text.is_number(counts.get(key)) and counts[key] < FEW_CELLS_A_SIDE
        ]
        if small:
            alerts.append(
                Alert(
                    "warning",
                    "Few cells",
                    f"Fewer than {FEW_CELLS_A_SIDE} cells in {text.join(small)}.",
                    "Expect only large subpopulations to be resolved.",
                )
            )
    factors, arrivals = results.tables["factors"], results.tables["arrivals"]
    tiny = sorted(
        set(factors.loc[factors["n_cells"] < FEW_CELLS, "name"])
        | set(arrivals.loc[arrivals["n_cells"] < FEW_CELLS, "name"])
    )
    if tiny:
        alerts.append(
            Alert(
                "info",
                "Very small subpopulations",
                f"Fewer than {FEW_CELLS} cells on one side: {text.join_some(tiny)}.",
                "Their factors and shifts move with a handful of cells.",
            )
        )
    if "settled" in factors:
        loose = factors.loc[factors["settled"].astype(str) == "False", "name"].astype(str).to_list()
        if loose:
            alerts.append(
                Alert(
                    "warning",
                    "Factors that are not settled",
                    f"Another partition of the cells, or another price of reweighting, changes "
                    f"the factor of {text.join_some(loose)} by more than twofold.",
                    "Do not build on these numbers alone: look at cgmm.pl.sensitivity, and at the "
                    "neighbours that share the same cells.",
                )
            )
    transfers = results.tables["transfers"]
    alive = set(factors.loc[factors["status"] != "gone", "name"])
    best = transfers.groupby("source", sort=True)["share_of_source"].max()
    blurred = [str(n) for n, v in best.items() if v < BLURRED and n in alive]
    if blurred:
        alerts.append(
            Alert(
                "info",
                "Matches that are not one to one",
                f"Less than half of the mass goes to any single place for "
                f"{text.join_some(blurred)}.",
                "Read them together with their neighbours in the flow figure; they may be one "
                "continuum cut in several pieces.",
            )
        )
    return alerts


def _sample_alerts(results: Results) -> list[Alert]:
    samples = [s for s in results.meta.get("samples") or [] if isinstance(s, Mapping)]
    alerts = []
    lost = [
        f"{s.get('sample')} ({text.percent(s['n_cells_kept'] / s['n_cells_read'])} kept)"
        for s in samples
        if text.is_number(s.get("n_cells_read"))
        and text.is_number(s.get("n_cells_kept"))
        and s["n_cells_read"] > 0
        and s["n_cells_kept"] / s["n_cells_read"] < 0.5
    ]
    if lost:
        alerts.append(
            Alert(
                "warning",
                "Quality control removed most cells of a sample",
                text.join_some(lost) + ".",
                "Look at the thresholds under qc in config/config.yaml.",
            )
        )
    where: dict[str, set[str]] = defaultdict(set)
    for s in samples:
        if s.get("batch") not in (None, "", "nan"):
            where[str(s["batch"])].add(str(s.get("condition")))
    if len(where) > 1 and all(len(c) == 1 for c in where.values()):
        conditions = {next(iter(c)) for c in where.values()}
        if len(conditions) > 1:
            alerts.append(
                Alert(
                    "problem",
                    "Batch and condition cannot be told apart",
                    "Every batch holds one condition only, so any difference may come from the "
                    "batch. No analysis can separate them.",
                    "State it as a limit, or measure both conditions within one batch.",
                )
            )
    return alerts


def _notices(results: Results) -> list[Alert]:
    alerts = []
    for notice in results.meta.get("notices") or []:
        if not isinstance(notice, Mapping) or not notice.get("text"):
            continue
        level = "warning" if notice.get("level") == "warning" else "info"
        title = "Warning from the pipeline" if level == "warning" else "Note from the pipeline"
        alerts.append(
            Alert(
                level,
                title,
                text.sentence(str(notice["text"])),
                text.sentence(str(notice.get("advice") or "")),
            )
        )
    return alerts


def make_alerts(results: Results) -> list[Alert]:
    """All alerts, worst first.

    Parameters
    ----------
    results
        A checked results folder.
    """
    alerts = [
        *_fit_alerts(results),
        *_donor_alerts(results),
        *_sample_alerts(results),
        *_size_alerts(results),
        *_notices(results),
    ]
    order = {"problem": 0, "warning": 1, "info": 2}
    ranks = np.argsort([order[a.level] for a in alerts], kind="stable")
    return [alerts[i] for i in ranks]
