"""Alerts: what is wrong with a comparison, and what to do about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.influence import Influence, apart, apart_words, driven_by_one
from cgmm.report.claims.kept_cells import kept_cells_alerts
from cgmm.report.claims.sensitivity import moved_by, unsettled
from cgmm.report.claims.states import GONE, NEW, Level
from cgmm.report.claims.suspect_genes import suspect_alerts
from cgmm.report.claims.verdict import Verdict
from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.tables import DIFFERS
from cgmm.thresholds import MIN_DONORS

FEW_CELLS_A_SIDE = 500
FEW_CELLS = 50
ONE_DONOR = 0.6
MUCH_UNMATCHED = 0.2


def _convergence(results: Results) -> list[Alert]:
    fit = results.fit
    if fit.get("converged") is not False:
        return []
    return [
        Alert(
            Level.PROBLEM,
            "The fit did not converge",
            text.sentence(str(fit.get("status") or "The fit stopped before it settled")),
            "Do not use these numbers yet. Try fewer populations (n_components under fit in "
            "config/config.yaml) and run again.",
        )
    ]


def _overlap(results: Results) -> list[Alert]:
    """Warn when many cells have no counterpart.

    The matched mass F is no measure of it: it falls with the number of components, and was under
    0.02 in most comparisons in which all types moved and none was lost.
    """
    factors, arrivals = results.tables["factors"], results.tables["arrivals"]
    gone = float(factors.loc[factors["status"] == GONE, "share_source"].sum())
    new = float(arrivals.loc[arrivals["status"] == NEW, "share_target"].sum())
    if max(gone, new) <= MUCH_UNMATCHED:
        return []
    return [
        Alert(
            Level.WARNING,
            "The two conditions hardly overlap",
            f"{text.percent(gone)} of {results.source} and {text.percent(new)} of {results.target} "
            "have no counterpart.",
            "Look at the maps: if the same cell types lie apart, a batch effect or a difference "
            "in processing is more likely than biology. Compare within a batch, or integrate over "
            "batch (integrate in config/config.yaml), and check that both files count genes alike.",
        )
    ]


def _few_donors(results: Results) -> list[Alert]:
    n0, n1 = results.donors_per_side()
    if not results.has_donors:
        return [
            Alert(
                Level.NOTE,
                "No donors: no intervals over donors, no tests",
                "Cells of one person are not independent, so cell numbers alone cannot say whether "
                "a change would be seen again.",
                "Fill the donor column of config/samples.tsv; three donors or more per condition "
                "give intervals.",
            )
        ]
    if min(n0, n1) >= MIN_DONORS:
        return []
    return [
        Alert(
            Level.WARNING,
            "Too few donors for intervals",
            f"{results.source} has {text.plural(n0, 'donor')}, {results.target} has {n1}. "
            "With fewer than three on a side the spread between donors cannot be estimated.",
            "Treat every factor as a description of these donors only; add donors to test it.",
        )
    ]


def _drivers(verdict: Verdict, entries: list[Influence]) -> list[Alert]:
    driven = driven_by_one(entries, verdict)
    if not driven:
        return []
    said = [
        f"{e.name} ({text.fold(e.log2_net)}; without {e.donor} {text.fold(e.without[e.donor])})"
        for e in driven
    ]
    return [
        Alert(
            Level.WARNING,
            "One donor drives a change",
            f"Less than half of the change is left without one donor: {text.join_some(said)}.",
            "Look at that donor in the Donors section, and at its quality control, before "
            "reporting the change; say in the paper that it rests on one donor.",
        )
    ]


def _apart(entries: list[Influence]) -> list[Alert]:
    found = apart(entries)
    if not found:
        return []
    said = [f"{donor}: {apart_words(reasons)}" for donor, reasons in found.items()]
    return [
        Alert(
            Level.WARNING,
            "A donor stands apart" if len(found) == 1 else "Donors stand apart",
            f"{text.join_some(said, 3)}.",
            "Look at the quality of its cells and at its bar in the section on samples. Where it "
            "is a bad sample, leave it out of the sample sheet; where it is not, report the "
            "change with and without it.",
        )
    ]


def _heavy_donors(results: Results) -> list[Alert]:
    if min(results.donors_per_side()) < MIN_DONORS:
        return []
    donors = results.tables["donors"]
    amount = donors.assign(cells=donors["share"] * donors["n_cells"])
    heavy = []
    for (_, name), rows in amount.groupby(["side", "name"], sort=True):
        total = rows["cells"].sum()
        if (
            total >= FEW_CELLS
            and len(rows) >= MIN_DONORS
            and rows["cells"].max() > (ONE_DONOR * total)
        ):
            worst = rows.sort_values("cells", kind="stable").iloc[-1]
            heavy.append(
                f"{name} ({worst['donor']}: "
                f"{text.percent(worst['cells'] / total)} of its {worst['side']} cells)"
            )
    if not heavy:
        return []
    return [
        Alert(
            Level.WARNING,
            "One donor supplies most cells of a population",
            text.join_some(heavy) + ".",
            "Check these in the Donors section before believing a change there.",
        )
    ]


def _few_cells(results: Results) -> list[Alert]:
    alerts = []
    counts = results.meta.get("n_cells")
    small = [
        f"{label} ({text.count(counts[key])})"
        for key, label in (("source", results.source), ("target", results.target))
        if isinstance(counts, Mapping)
        and text.is_number(counts.get(key))
        and counts[key] < FEW_CELLS_A_SIDE
    ]
    if small:
        alerts.append(
            Alert(
                Level.WARNING,
                "Few cells",
                f"Fewer than {FEW_CELLS_A_SIDE} cells in {text.join(small)}.",
                "Expect only large populations to be resolved.",
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
                Level.NOTE,
                "Very small populations",
                f"Fewer than {FEW_CELLS} cells on one side: {text.join_some(tiny)}.",
                "Do not build on these: a handful of cells moves their factors and shifts.",
            )
        )
    return alerts


def _unsettled(results: Results) -> list[Alert]:
    loose = unsettled(results)
    if not loose:
        return []
    how = "it moves" if len(loose) == 1 else "they move"
    cause = moved_by(results, loose)
    return [
        Alert(
            Level.WARNING,
            "Factors that are not settled",
            f"Found in another way, the factor of {text.join_some(loose)} changes by more than "
            "1.5-fold"
            f"{f': {how} with {cause}' if cause else ''}.",
            "Do not build on these numbers alone: look at the Sensitivity section and at the map; "
            "labels of your own (annotation_key) settle them.",
        )
    ]


def _fit_differs(results: Results) -> list[Alert]:
    table = results.tables["factors"]
    other = list(table.loc[table["fit_says"] == DIFFERS, "name"])
    if not other:
        return []
    return [
        Alert(
            Level.WARNING,
            "The fit gives another factor",
            f"{_counted_otherwise(results)} for {text.join_some(other)}.",
            "The section on prevalence has both numbers; look at these populations on the map.",
        )
    ]


def _counted_otherwise(results: Results) -> str:
    if results.annotated:
        return "The components of the fit and the cells differ more than 1.5-fold"
    return "The cells and the source cells that they are assigned to give different factors"


def _samples(results: Results) -> list[Mapping[str, Any]]:
    return [s for s in results.meta.get("samples") or [] if isinstance(s, Mapping)]


def _confounded(results: Results) -> list[Alert]:
    where: dict[str, set[str]] = defaultdict(set)
    for s in _samples(results):
        if s.get("batch") not in (None, "", "nan"):
            where[str(s["batch"])].add(str(s.get("condition")))
    conditions = set().union(*where.values()) if where else set()
    if len(where) < 2 or len(conditions) < 2 or any(len(c) > 1 for c in where.values()):
        return []
    return [
        Alert(
            Level.PROBLEM,
            "Batch and condition cannot be told apart",
            "Every batch holds one condition only, so any difference may come from the batch. No "
            "analysis can separate them.",
            "State it as a limit, or measure both conditions within one batch.",
        )
    ]


def _notices(results: Results) -> list[Alert]:
    alerts = []
    for notice in results.meta.get("notices") or []:
        if not isinstance(notice, Mapping) or not notice.get("text"):
            continue
        level = Level.WARNING if notice.get("level") == Level.WARNING else Level.NOTE
        title = f"{level.badge} from the pipeline"
        alerts.append(
            Alert(
                level,
                title,
                text.sentence(str(notice["text"])),
                text.sentence(str(notice.get("advice") or "")),
            )
        )
    return alerts


def make_alerts(results: Results, verdict: Verdict, entries: list[Influence]) -> list[Alert]:
    """Return all alerts, worst first.

    Parameters
    ----------
    results
        A checked results folder.
    verdict
        Its findings.
    entries
        From :func:`cgmm.report.claims.influence.influences`.
    """
    alerts = [
        *_convergence(results),
        *_overlap(results),
        *_few_donors(results),
        *_drivers(verdict, entries),
        *_apart(entries),
        *_heavy_donors(results),
        *suspect_alerts(results, verdict),
        *kept_cells_alerts(results),
        *_confounded(results),
        *_few_cells(results),
        *_unsettled(results),
        *_fit_differs(results),
        *_notices(results),
    ]
    return sorted(alerts, key=lambda alert: alert.level.rank)
