"""Tables as the template shows them: formatted cells with a value to sort by, never empty."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cgmm.report import text
from cgmm.report.data import Results, each, row_of
from cgmm.report.figures.small import truth_table
from cgmm.report.verdict import PREVALENCE_WORDS, Verdict

EMBED_LIMIT = 900_000
PLAIN_LIMIT = 60_000


@dataclass(frozen=True)
class Cell:
    """One table cell."""

    shown: str
    sort: float | str | None = None
    number: bool = False
    note: bool = False


@dataclass(frozen=True)
class Row:
    """One table row and the subpopulations it is about."""

    cells: list[Cell]
    subs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """Heading and its explanation."""

    name: str
    help: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    key: str
    caption: str
    columns: list[Column]
    rows: list[Row]
    file: str = ""
    open: bool = True
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Download:
    """A file carried inside the report, or the reason why it is not."""

    name: str
    what: str
    href: str = ""
    size: str = ""
    instead: str = ""


def _num(value: float, shown: str | None = None, missing: str = "not available") -> Cell:
    if not text.is_number(value):
        return Cell(missing, None, note=True)
    return Cell(shown if shown is not None else text.fixed(value), float(value), number=True)


def _words(value: str, missing: str = "none") -> Cell:
    return Cell(value or missing, (value or missing).lower(), note=not value)


def factors(results: Results, verdict: Verdict) -> Table:
    """One row per source subpopulation."""
    table = results.tables["factors"]
    rows = []
    for f in verdict.findings:
        if not np.isfinite(f.share_source):
            continue
        row = row_of(table, f.name)
        reason = f.reason or "No interval: the tables give no reason."
        interval = (
            Cell(text.fold_range(f.ci_low, f.ci_high), f.ci_low, number=True)
            if f.has_interval
            else Cell(reason, None, note=True)
        )
        rows.append(
            Row(
                [
                    _words(f.name),
                    _words(PREVALENCE_WORDS[f.prevalence]),
                    _num(f.share_source, text.percent(f.share_source)),
                    _num(f.share_target, text.percent(f.share_target)),
                    _num(f.log2_net, text.fold(f.log2_net) if np.isfinite(f.log2_net) else ""),
                    interval,
                    _num(
                        row["p"],
                        text.probability(row["p"]) if np.isfinite(row["p"]) else "",
                        "not tested",
                    ),
                    _num(f.q, text.probability(f.q) if np.isfinite(f.q) else "", "not tested"),
                    _num(row["outflow"]),
                    _num(row["inflow"]),
                    _num(f.n_cells, text.count(f.n_cells) if np.isfinite(f.n_cells) else ""),
                    _num(
                        row["n_cells_target"],
                        text.count(row["n_cells_target"])
                        if np.isfinite(row["n_cells_target"])
                        else "",
                    ),
                ],
                (f.index,),
            )
        )
    shown = Table(
        key="t-factors",
        caption=f"Prevalence of every subpopulation of {results.source}",
        columns=[
            Column("Subpopulation", number=False),
            Column("In words", number=False),
            Column("Share in source", f"Share of the cells of {results.source}"),
            Column("Share in target", f"Share of the cells of {results.target} that match it"),
            Column("Net factor", "Share in target divided by share in source"),
            Column("95% interval", "Over donors, given the fitted subpopulations"),
            Column("p", "Test of no change, donors as the unit"),
            Column("q", "p corrected for testing many subpopulations (Benjamini-Hochberg)"),
            Column("Outflow", "Weight factor on leaving, above 1: more of it was matched"),
            Column("Inflow", "Weight factor on arriving in its main counterpart"),
            Column("Cells, source", "Number of cells, each counted by its degree of membership"),
            Column("Cells, target", "Number of matched target cells"),
        ],
        rows=rows,
        file="factors.tsv",
        notes=[
            "Net factors come from each cell's membership without any penalty; the matching "
            "(coupling) only decides which subpopulations belong together. The net factor counts "
            "all donors equally; the interval is centred on the mean over donors on the log scale, "
            "so the two can differ a little."
        ],
    )
    return _without_intervals(shown, verdict)


def _without_intervals(table: Table, verdict: Verdict) -> Table:
    """Say once why there are no intervals when the reason is the same for all."""
    reasons = {f.reason for f in verdict.findings if np.isfinite(f.share_source)}
    if len(reasons) != 1 or any(f.has_interval for f in verdict.findings) or "" in reasons:
        return table
    keep = [i for i, c in enumerate(table.columns) if c.name not in ("95% interval", "p", "q")]
    return replace(
        table,
        columns=[table.columns[i] for i in keep],
        rows=[replace(row, cells=[row.cells[i] for i in keep]) for row in table.rows],
        notes=[f"No interval, p or q: {reasons.pop()}", *table.notes],
    )


def arrivals(results: Results) -> Table:
    """One row per target subpopulation."""
    rows = []
    for row in each(results.tables["arrivals"]):
        subs = {results.index_of(row.name)}
        if row.main_source in results._by_name:
            subs.add(results.index_of(row.main_source))
        rows.append(
            Row(
                [
                    _words(row.name),
                    _num(row.share_target, text.percent(row.share_target)),
                    _words(row.main_source, "no convincing origin"),
                    _num(row.share_from_main_source, text.percent(row.share_from_main_source)),
                    _num(row.inflow),
                    _words(row.status, "has a counterpart"),
                    _num(row.n_cells, text.count(row.n_cells) if np.isfinite(row.n_cells) else ""),
                ],
                tuple(sorted(subs)),
            )
        )
    return Table(
        key="t-arrivals",
        caption=f"Where every subpopulation of {results.target} comes from",
        columns=[
            Column("Subpopulation", number=False),
            Column("Share in target"),
            Column("Main origin", number=False),
            Column("Share from it", "Share of its matched mass that came from the main origin"),
            Column("Inflow", "Weight factor on arriving; above 4 it counts as new"),
            Column("Status", number=False),
            Column("Cells"),
        ],
        rows=rows,
        file="arrivals.tsv",
        open=False,
    )


def transfers(results: Results) -> Table:
    """All transfers with mass."""
    table = results.tables["transfers"]
    with_interval = bool(np.isfinite(table["ci_low"]).any())
    rows = []
    kept = table.loc[(table["share_of_source"] >= 0.001) | (table["share_of_target"] >= 0.001)]
    for row in each(kept):
        cells = [
            _words(row.source),
            _words(row.target),
            _num(row.share_of_source, text.percent(row.share_of_source)),
            _num(row.share_of_target, text.percent(row.share_of_target)),
            _num(row.mass, text.percent(row.mass)),
        ]
        if with_interval:
            cells.append(
                Cell(
                    f"{text.percent(row.ci_low)}{text.DASH}{text.percent(row.ci_high)}", row.ci_low
                )
                if np.isfinite(row.ci_low) and np.isfinite(row.ci_high)
                else Cell("not estimated", None, note=True)
            )
        rows.append(Row(cells, (results.index_of(row.source), results.index_of(row.target))))
    notes = [] if with_interval else ["Intervals for transfers are not estimated in this version."]
    if len(kept) < len(table):
        notes.append(
            f"{text.plural(len(table) - len(kept), 'transfer')} under 0.1% of both sides "
            f"{'is' if len(table) - len(kept) == 1 else 'are'} in transfers.tsv only."
        )
    if table.empty:
        notes.append("No mass was matched, so there are no transfers.")
    columns = [
        Column("From", number=False),
        Column("To", number=False),
        Column("Of source", "Share of the origin's matched mass that goes here"),
        Column("Of target", "Share of the destination's matched mass that comes from here"),
        Column("Of all", "Share of all matched mass"),
    ]
    if with_interval:
        columns.append(Column("95% interval"))
    return Table(
        key="t-transfers",
        caption=f"Transfers from {results.source} to {results.target}",
        columns=columns,
        rows=rows,
        file="transfers.tsv",
        open=False,
        notes=notes,
    )


def shifts(results: Results) -> Table | None:
    """State shifts of all pairs with at least one percent of their source."""
    table = results.tables["shifts"]
    if table.empty:
        return None
    rows = [
        Row(
            [
                _words(r.source),
                _words(r.target),
                _num(r.share_of_source, text.percent(r.share_of_source)),
                _num(r.mean_shift_sd),
                _num(r.total_shift_sd),
                _num(r.mean_shift),
                _num(r.covariance_shift),
                _words(r.top_genes, "genes not computed"),
            ],
            (results.index_of(r.source), results.index_of(r.target)),
        )
        for r in each(table)
    ]
    return Table(
        key="t-shifts",
        caption="State shifts of matched pairs",
        columns=[
            Column("From", number=False),
            Column("To", number=False),
            Column("Of source", "Share of the origin's matched mass that goes here"),
            Column("Moved (SD)", "Distance between the centres, in within-subpopulation spreads"),
            Column("With shape (SD)", "The same, with the change in shape added"),
            Column("Moved", "Distance between the centres, in units of the representation"),
            Column("Shape", "Change in shape, in units of the representation"),
            Column("Top genes", number=False),
        ],
        rows=rows,
        file="shifts.tsv",
        open=False,
    )


def genes(results: Results, top: int = 20) -> Table | None:
    """List the leading genes of every subpopulation."""
    unit, meaning = results.change_of_genes
    table = results.tables["genes"]
    if table.empty:
        return None
    leading = table.loc[table["rank"] <= table["rank"].min() + top - 1]
    order = {s.name: s.index for s in results.subpopulations}
    leading = leading.assign(order=leading["name"].map(order).astype(int)).sort_values(
        ["order", "rank"], kind="stable"
    )
    rows = [
        Row(
            [
                _words(r.name),
                _words(r.gene),
                _num(r.log2_change),
                _num(r.mean_source),
                _num(r.mean_target),
                _num(r.fraction_source, text.percent(r.fraction_source)),
                _num(r.fraction_target, text.percent(r.fraction_target)),
                _num(
                    r.n_subpopulations,
                    f"{r.n_subpopulations:.0f}" if np.isfinite(r.n_subpopulations) else "",
                ),
                _words(r.scope, "not classified"),
            ],
            (results.index_of(r.name),),
        )
        for r in each(leading)
    ]
    return Table(
        key="t-genes",
        caption=f"The {top} leading genes of every subpopulation",
        columns=[
            Column("Subpopulation", number=False),
            Column("Gene", number=False),
            Column(
                unit.capitalize() if unit == "change" else unit, f"Target minus source, {meaning}"
            ),
            Column("Mean, source", "Mean of the values, cells weighted by membership"),
            Column("Mean, target"),
            Column("Cells on, source", "Share of cells where the gene was seen"),
            Column("Cells on, target"),
            Column("In how many", "Number of subpopulations with this gene in their top 20"),
            Column("Scope", "common: most subpopulations; specific: one or few", number=False),
        ],
        rows=rows,
        file="genes.tsv",
        open=False,
        notes=["Differences of means, without a test: donors are not yet used for genes."],
    )


def components(results: Results) -> Table | None:
    """Names, sizes and markers of all components."""
    table = results.tables["components"]
    if table.empty:
        return None
    label = {"source": results.source, "target": results.target}
    rows = [
        Row(
            [
                _words(r.name),
                _words(label.get(r.side, r.side)),
                _num(r.share, text.percent(r.share)),
                _num(r.weight),
                _num(r.n_cells, text.count(r.n_cells) if np.isfinite(r.n_cells) else ""),
                _words(r.cell_type, "no annotation"),
                _num(r.cell_type_purity, text.percent(r.cell_type_purity), "no annotation"),
                _words(r.markers, "not computed"),
            ],
            (results.index_of(r.name),) if r.name in results._by_name else (),
        )
        for r in each(table)
    ]
    return Table(
        key="t-components",
        caption="What each subpopulation is",
        columns=[
            Column("Subpopulation", number=False),
            Column("Condition", number=False),
            Column("Share"),
            Column("Fitted weight", "Weight in the fitted mixture (pulled by the coupling)"),
            Column("Cells"),
            Column("Cell type", "Majority annotation of its cells", number=False),
            Column("Purity", "Share of its cells with that annotation"),
            Column("Marker genes", number=False),
        ],
        rows=rows,
        file="components.tsv",
        open=False,
    )


def donors(results: Results) -> Table | None:
    """Shares per donor."""
    table = results.tables["donors"]
    if table.empty:
        return None
    label = {"source": results.source, "target": results.target}
    rows = [
        Row(
            [
                _words(r.donor),
                _words(label.get(r.side, r.side)),
                _words(r.name),
                _num(r.share, text.percent(r.share)),
                _num(r.n_cells, text.count(r.n_cells) if np.isfinite(r.n_cells) else ""),
            ],
            (results.index_of(r.name),) if r.name in results._by_name else (),
        )
        for r in each(table)
    ]
    return Table(
        key="t-donors",
        caption="Share of every subpopulation in every donor",
        columns=[
            Column("Donor", number=False),
            Column("Condition", number=False),
            Column("Subpopulation", number=False),
            Column("Share"),
            Column("Cells of the donor"),
        ],
        rows=rows,
        file="donors.tsv",
        open=False,
    )


def truth(results: Results) -> Table | None:
    """Found against true factors."""
    both = truth_table(results)
    if both is None:
        return None
    rows = []
    for r in each(both):
        known = np.isfinite(r.truth) and text.is_number(r.log2_net)
        interval = np.isfinite(r.ci_low) and np.isfinite(r.ci_high)
        inside = interval and np.isfinite(r.truth) and r.ci_low <= r.truth <= r.ci_high
        rows.append(
            Row(
                [
                    _words(r.name),
                    _num(r.truth, text.fold(r.truth) if np.isfinite(r.truth) else "", "gone"),
                    _num(
                        r.log2_net,
                        text.fold(r.log2_net) if text.is_number(r.log2_net) else "",
                        "not found under this name",
                    ),
                    _num(
                        r.log2_net - r.truth if known else np.nan,
                        text.fixed(r.log2_net - r.truth) if known else "",
                    ),
                    Cell(text.fold_range(r.ci_low, r.ci_high), r.ci_low, number=True)
                    if interval
                    else Cell("no interval", None, note=True),
                    Cell("yes" if inside else "no", "yes" if inside else "no")
                    if interval
                    else Cell("no interval", None, note=True),
                ],
                (results.index_of(r.name),) if r.name in results._by_name else (),
            )
        )
    return Table(
        key="t-truth",
        caption="Found against true factors (simulated data)",
        columns=[
            Column("Subpopulation", number=False),
            Column("True factor"),
            Column("Found"),
            Column("Difference (log2)"),
            Column("95% interval"),
            Column("Truth inside", number=False),
        ],
        rows=rows,
    )


def _value(value: Any) -> str:
    if value is None or value == "":
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "not available" if not np.isfinite(value) else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_value(v) for v in value) or "none"
    return str(value)


def _or_nan(value: Any) -> float:
    return float(value) if text.is_number(value) else np.nan


def samples(results: Results) -> Table | None:
    """Quality control per sample: identity from `samples`, measures from `qc`."""
    listed = [s for s in results.meta.get("samples") or [] if isinstance(s, dict)]
    if not listed:
        return None
    qc = results.meta.get("qc") or {}
    if isinstance(qc, list):
        qc = {str(q.get("sample")): q for q in qc if isinstance(q, dict)}
    extra: list[str] = []
    for s in listed:
        measures = qc.get(str(s.get("sample"))) if isinstance(qc, dict) else None
        for key in measures or {}:
            if key not in extra and key not in {
                "sample",
                "n_cells_read",
                "n_kept",
                "n_cells_kept",
                "condition",
                "donor",
                "batch",
            }:
                extra.append(key)
    words = {
        "median_genes": "Median genes",
        "median_counts": "Median counts",
        "pct_mt": "% mitochondrial",
        "median_pct_mt": "% mitochondrial",
    }
    rows = []
    for s in listed:
        measures = (qc.get(str(s.get("sample"))) if isinstance(qc, dict) else None) or {}
        read, kept = _or_nan(s.get("n_cells_read")), _or_nan(s.get("n_cells_kept"))
        ratio = kept / read if text.is_number(read) and text.is_number(kept) and read else np.nan
        cells = [
            _words(_value(s.get("sample"))),
            _words(_value(s.get("condition"))),
            _words(_value(s.get("donor"))),
            _words(_value(s.get("batch"))),
            _num(read, text.count(read) if text.is_number(read) else ""),
            _num(kept, text.count(kept) if text.is_number(kept) else ""),
            _num(ratio, text.percent(ratio)),
        ]
        for key in extra:
            value = measures.get(key)
            if text.is_number(value):
                shown = text.count(value) if abs(value) >= 100 else f"{value:.3g}"
                cells.append(_num(float(value), shown))
            else:
                cells.append(_words(_value(value)))
        rows.append(Row(cells))
    return Table(
        key="t-samples",
        caption="Samples and quality control",
        columns=[
            Column("Sample", number=False),
            Column("Condition", number=False),
            Column("Donor", number=False),
            Column("Batch", number=False),
            Column("Cells read"),
            Column("Cells kept", "Cells that passed quality control"),
            Column("Kept"),
            *(Column(words.get(key, key.replace("_", " "))) for key in extra),
        ],
        rows=rows,
    )


def key_values(mapping: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested settings to (dotted name, value) pairs."""
    if not isinstance(mapping, dict):
        return []
    pairs: list[tuple[str, str]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            pairs += key_values(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
            for i, item in enumerate(value):
                pairs += key_values(item, f"{name}[{i}].") if isinstance(item, dict) else []
        else:
            pairs.append((name, _value(value)))
    return pairs


WHAT = {
    "factors.tsv": "prevalence factors, one row per source subpopulation",
    "transfers.tsv": "all transfers",
    "arrivals.tsv": "origins, one row per target subpopulation",
    "shifts.tsv": "state shifts of matched pairs",
    "genes.tsv": "gene changes per subpopulation",
    "components.tsv": "names, sizes and markers",
    "donors.tsv": "shares per donor",
    "cells.tsv.gz": "every cell: subpopulation, factor, shift, coordinates",
    "report.json": "parameters, versions, quality control",
}


def downloads(results: Results) -> list[Download]:
    """All tables as ``data:`` links; large ones compressed, very large ones named only."""
    files = dict(results.raw)
    files["report.json"] = (results.folder / "report.json").read_bytes()
    found = []
    for name, what in WHAT.items():
        if name not in files:
            continue
        content = files[name]
        stem = f"{results.folder.name}_{name}"
        kind = "application/json" if name.endswith(".json") else "text/tab-separated-values"
        if name.endswith(".gz"):
            kind = "application/gzip"
        elif len(content) > PLAIN_LIMIT:
            content = gzip.compress(content, mtime=0)
            kind, stem = "application/gzip", f"{stem}.gz"
        if len(content) > EMBED_LIMIT:
            found.append(
                Download(
                    name,
                    what,
                    instead=f"too large to carry along ({len(content) / 1e6:.1f} MB): "
                    f"results/{results.folder.name}/{name}",
                )
            )
            continue
        coded = base64.b64encode(content).decode("ascii")
        size = len(content) / 1000
        found.append(
            Download(
                stem,
                what,
                href=f"data:{kind};base64,{coded}",
                size=f"{size:.0f} kB" if size >= 1 else "under 1 kB",
            )
        )
    return found
