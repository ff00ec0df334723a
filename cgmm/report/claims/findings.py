"""From tables to sentences: what happened to each subpopulation.

Prevalence words follow the donors when there are donors: "more common" and "rarer" need q < 0.05
and a 95 % interval that leaves out no change (it holds what partitions of the cells disagree on,
too), "same" needs the whole interval within 1.5-fold of no change, everything else is "no clear
change". Where no interval could be computed, a factor of 1.5 or more is called "seems", never a
result. State words follow the distance moved, in units of the spread within a
subpopulation, less what noise adds to any distance where that is known; a distance whose interval
reaches zero is not called a shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cgmm.report.page import text
from cgmm.results.read import Results, row_of
from cgmm.tables import CELLS_ONLY
from cgmm.thresholds import ALPHA, GENE_LIMIT, MAIN_SHARE, MIN_CHANGE, STATE_LEVELS

PREVALENCE_WORDS = {
    "more": "more common",
    "less": "rarer",
    "seems_more": "seems more common",
    "seems_less": "seems rarer",
    "same": "about the same prevalence",
    "similar": "similar prevalence",
    "unclear": "no clear change in prevalence",
    "gone": "gone",
    "new": "new",
    "unknown": "prevalence unknown",
}


def _finite(*values: float) -> bool:
    return bool(np.isfinite(values).all())


@dataclass(frozen=True)
class Finding:
    """What is said about one subpopulation."""

    index: int
    name: str
    prevalence: str
    log2_net: float
    ci_low: float
    ci_high: float
    q: float
    reason: str
    share_source: float
    share_target: float
    n_cells: float
    goes_to: str = ""
    goes_share: float = np.nan
    comes_from: str = ""
    comes_share: float = np.nan
    state: str = "unknown"
    shift_sd: float = np.nan
    genes: tuple[tuple[str, float], ...] = ()
    goes_low: float = np.nan
    goes_high: float = np.nan
    shift_low: float = np.nan
    shift_high: float = np.nan
    interval_from: str = ""
    settled: bool = True
    donors_up: int | None = None
    donors_paired: int = 0
    prevalence_text: str = ""
    state_text: str = ""
    transfer_text: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether a 95 % interval over donors is known."""
        return self.interval_from != CELLS_ONLY and _finite(self.ci_low, self.ci_high)

    @property
    def moved(self) -> bool:
        """Whether a change of state is reported."""
        return self.state in {"strong", "moderate"} and self.prevalence != "gone"

    @property
    def elsewhere(self) -> bool:
        """Whether its main counterpart carries another name."""
        return bool(self.transfer_text) and self.goes_to != self.name

    @property
    def sentence(self) -> str:
        """The whole finding in one line."""
        parts = (self.prevalence_text, self.transfer_text, self.state_text)
        return ", ".join(p for p in parts if p)

    @property
    def changed(self) -> bool:
        """Whether anything is reported as changed."""
        return self.moved or self.prevalence not in {"same", "similar", "unclear", "unknown"}


def state_level(shift_sd: float, low: float = np.nan) -> str:
    """Word for a mean shift in units of the within-subpopulation spread, `low` its interval's end.

    A shift that can be seen but whose interval reaches zero is "unclear".
    """
    if not np.isfinite(shift_sd):
        return "unknown"
    if low <= 0 and shift_sd >= STATE_LEVELS[-1][0]:
        return "unclear"
    for limit, word in STATE_LEVELS:
        if shift_sd >= limit:
            return word
    return "none"


def _prevalence(row: dict[str, Any]) -> str:
    if row["status"] == "gone":
        return "gone"
    value = row["log2_net"]
    if not np.isfinite(value):
        return "unknown"
    if row["interval_from"] != CELLS_ONLY and _finite(row["ci_low"], row["ci_high"]):
        if np.isfinite(row["q"]) and row["q"] < ALPHA and row["ci_low"] * row["ci_high"] > 0:
            return "more" if row["ci_low"] > 0 else "less"
        if row["ci_low"] > -MIN_CHANGE and row["ci_high"] < MIN_CHANGE:
            return "same"
        return "unclear"
    if abs(value) < MIN_CHANGE:
        return "similar"
    return "seems_more" if value > 0 else "seems_less"


def _prevalence_text(finding: Finding) -> str:
    words = PREVALENCE_WORDS[finding.prevalence]
    if finding.prevalence in {"unknown", "new"}:
        return words
    if finding.prevalence == "gone":
        before, after = text.percent(finding.share_source), text.percent(finding.share_target)
        number = f"{text.fold(finding.log2_net)}; " if np.isfinite(finding.log2_net) else ""
        return f"gone or nearly so ({number}{before} to {after} of cells)"
    number = text.fold(finding.log2_net)
    if finding.has_interval:
        number += f" {text.bracket(text.fold_range(finding.ci_low, finding.ci_high))}"
        if finding.donors_up is not None and finding.donors_paired >= 3:
            up = finding.donors_up
            total = finding.donors_paired
            many, word = (up, "up") if up * 2 >= total else (total - up, "down")
            number += f"; {word} in {many} of {total} donors"
        leaves_out_one = finding.ci_low * finding.ci_high > 0
        if finding.prevalence == "unclear" and (leaves_out_one or finding.q < ALPHA):
            number += f"; q {text.probability(finding.q)}" if np.isfinite(finding.q) else ""
        return f"{words} ({number})"
    return f"{words} ({number}, not tested)"


def shift_number(finding: Finding) -> str:
    """Write the distance moved, with its interval where there is one."""
    number = f"{text.fixed(finding.shift_sd)} SD"
    if finding.interval_from != CELLS_ONLY and _finite(finding.shift_low, finding.shift_high):
        number += f" {text.bracket(text.fixed_range(finding.shift_low, finding.shift_high))}"
    return number


def led_by(finding: Finding) -> str:
    """Name the leading genes and their direction."""
    return "led by " + ", ".join(
        f"{gene}\u00a0{'↑' if change > 0 else '↓'}" for gene, change in finding.genes
    )


def _state_text(finding: Finding) -> str:
    if finding.prevalence in {"gone", "new"} or finding.state == "unknown":
        return ""
    words = {"none": "no visible state shift", "unclear": "no clear state shift"}.get(
        finding.state, f"{finding.state} state shift"
    )
    sentence = f"{words} ({shift_number(finding)})"
    if finding.genes and finding.state not in {"none", "unclear"}:
        sentence += f", {led_by(finding)}"
    return sentence


def _transfer_text(finding: Finding, target: str) -> str:
    if finding.prevalence == "gone" or not finding.goes_to:
        return ""
    if finding.goes_to != finding.name:
        return f"matches {finding.goes_to} in {target} ({goes_number(finding)})"
    if finding.goes_share < MAIN_SHARE:
        return f"only {goes_number(finding)} goes on under the same name in {target}"
    return ""


def goes_number(finding: Finding) -> str:
    """Write the part that goes to the main counterpart, with its interval where there is one."""
    share = f"{text.percent(finding.goes_share)} of it"
    if finding.interval_from != CELLS_ONLY and _finite(finding.goes_low, finding.goes_high):
        interval = text.percent_range(finding.goes_low, finding.goes_high)
        if interval != text.percent(finding.goes_share):
            share += f" {text.bracket(interval)}"
    return share


def donor_pairs(results: Results) -> pd.DataFrame:
    """Share of every subpopulation in every donor, target shares carried back to source names.

    Returns
    -------
    pandas.DataFrame
        Columns ``component`` (source component), ``side``, ``donor``, ``share`` (0 to 1),
        ``n_cells`` (cells of that donor in that condition). The target share of donor d in
        component k is ``sum_l R_kl t_dl``: the number the interval is computed from.
    """
    donors = results.tables["donors"]
    columns = ["component", "side", "donor", "share", "n_cells"]
    if donors.empty:
        return pd.DataFrame({c: [] for c in columns})
    source = donors.loc[donors["side"] == "source", columns]
    target = donors.loc[donors["side"] == "target", columns]
    transfers = results.tables["transfers"][
        ["source_component", "target_component", "share_of_target"]
    ]
    joined = target.merge(transfers, left_on="component", right_on="target_component")
    joined["share"] = joined["share"] * joined["share_of_target"]
    carried = (
        joined.groupby(["source_component", "side", "donor"], sort=True)
        .agg(share=("share", "sum"), n_cells=("n_cells", "first"))
        .reset_index()
        .rename(columns={"source_component": "component"})
    )
    return pd.concat([source, carried[columns]], ignore_index=True)


def _donors_up(pairs: pd.DataFrame, component: float, shared: list[str]) -> tuple[int | None, int]:
    if not shared:
        return None, 0
    rows = pairs.loc[(pairs["component"] == component) & pairs["donor"].isin(shared)]
    wide = rows.pivot_table(index="donor", columns="side", values="share", aggfunc="sum")
    if not {"source", "target"} <= set(wide.columns):
        return None, 0
    wide = wide.dropna()
    return int((wide["target"] > wide["source"]).sum()), len(wide)


def _main(table: pd.DataFrame, column: str, value: str, by: str) -> pd.Series | None:
    rows = table.loc[(table[column] == value) & np.isfinite(table[by])]
    if rows.empty:
        return None
    best: pd.Series = rows.loc[rows[by].idxmax()]
    return best


def _moved(shift: pd.DataFrame) -> float:
    """Return the distance moved less what noise adds to any distance, where that is known."""
    corrected = _first(shift, "unbiased_shift_sd")
    return corrected if np.isfinite(corrected) else _first(shift, "mean_shift_sd")


def _first(table: pd.DataFrame, column: str) -> float:
    return float(table[column].iloc[0]) if len(table) else np.nan


def leading_genes(results: Results, name: str, limit: int = 3) -> tuple[tuple[str, float], ...]:
    """Name the first genes in rank whose average expression changed 1.5-fold or more."""
    genes = results.tables["genes"]
    rows = genes.loc[(genes["name"] == name) & (genes["log2_change"].abs() >= GENE_LIMIT)]
    rows = rows.sort_values("rank", kind="stable").head(limit)
    return tuple(zip(rows["gene"].astype(str), rows["log2_change"].astype(float), strict=True))


def make_findings(results: Results) -> list[Finding]:
    """Turn the tables into one finding per subpopulation, in their order.

    Parameters
    ----------
    results
        A checked results folder.
    """
    tables = results.tables
    pairs = donor_pairs(results)
    shared = results.shared_donors()
    factors = tables["factors"]
    arrivals = tables["arrivals"]
    findings = []
    for sub in results.subpopulations:
        if sub.source is None:
            findings.append(_arrived(results, sub.index, sub.name, row_of(arrivals, sub.name)))
            continue
        row = row_of(factors, sub.name)
        main = _main(tables["transfers"], "source", sub.name, "share_of_source")
        goes_to = "" if main is None else str(main["target"])
        shifts = tables["shifts"]
        shift = shifts.loc[(shifts["source"] == sub.name) & (shifts["target"] == goes_to)]
        sd = _moved(shift)
        up, n_paired = _donors_up(pairs, row["component"], shared)
        finding = Finding(
            index=sub.index,
            name=sub.name,
            prevalence=_prevalence(row),
            log2_net=float(row["log2_net"]),
            ci_low=float(row["ci_low"]),
            ci_high=float(row["ci_high"]),
            q=float(row["q"]),
            reason=str(row["reason"]),
            share_source=float(row["share_source"]),
            share_target=float(row["share_target"]),
            n_cells=float(row["n_cells"]),
            goes_to=goes_to,
            goes_share=np.nan if main is None else float(main["share_of_source"]),
            goes_low=np.nan if main is None else float(main["ci_low"]),
            goes_high=np.nan if main is None else float(main["ci_high"]),
            state=state_level(sd, _first(shift, "ci_low")),
            shift_sd=sd,
            shift_low=_first(shift, "ci_low"),
            shift_high=_first(shift, "ci_high"),
            interval_from=str(row["interval_from"]),
            settled=str(row["settled"]) != "False",
            genes=leading_genes(results, sub.name),
            donors_up=up,
            donors_paired=n_paired,
        )
        findings.append(_with_text(finding, results.target))
    return findings


def _arrived(results: Results, index: int, name: str, row: dict[str, Any]) -> Finding:
    new = row["status"] == "new"
    source = str(row["main_source"])
    share = float(row["share_from_main_source"])
    size = text.percent(float(row["share_target"]))
    if new:
        sentence = (
            f"new: {size} of the cells in {results.target}, with no convincing origin in "
            f"{results.source}"
        )
    elif source and np.isfinite(share):
        sentence = (
            f"{size} of the cells in {results.target}, of which {text.percent(share)} came from "
            f"{source}, the largest part"
        )
    else:
        sentence = f"{size} of the cells in {results.target}, with no known origin"
    return Finding(
        index=index,
        name=name,
        prevalence="new" if new else "unknown",
        log2_net=np.nan,
        ci_low=np.nan,
        ci_high=np.nan,
        q=np.nan,
        reason=f"A factor needs a counterpart of its own in {results.source}.",
        share_source=np.nan,
        share_target=float(row["share_target"]),
        n_cells=float(row["n_cells"]),
        comes_from=source,
        comes_share=share,
        prevalence_text=sentence,
    )


def _with_text(finding: Finding, target: str) -> Finding:
    values = {**finding.__dict__}
    values["prevalence_text"] = _prevalence_text(finding)
    values["state_text"] = _state_text(finding)
    values["transfer_text"] = _transfer_text(finding, target)
    return Finding(**values)
