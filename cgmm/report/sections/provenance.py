"""Section on how to run the comparison again: parameters, versions, checksums, command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.table import Column, Row, Table, key_values, words
from cgmm.report.sections.section import Section, present
from cgmm.results.read import Results, each

Pairs = list[tuple[str, ...]]
MINUTES_FROM = 90.0


@dataclass(frozen=True)
class Provenance:
    """Lists of strings, ready to show."""

    parameters: Pairs
    config: Pairs
    versions: Pairs
    runtime: Pairs
    checksums: Pairs
    command: str
    commit: str


def section(claims: Claims) -> Section:
    """Return the section on parameters, versions and inputs."""
    return Section(
        key="provenance",
        title="Parameters, versions, inputs",
        link="Parameters, versions",
        template="provenance.html.j2",
        data=make_provenance(claims.results),
        parts=present(decisions_table(claims.results)),
    )


def decisions_table(results: Results) -> Table | None:
    """List every choice that was made without the user."""
    table = results.tables["decisions"]
    if table.empty:
        return None
    return Table(
        key="t-decisions",
        caption="Every automatic choice",
        columns=[
            Column("Choice", number=False),
            Column("Value", number=False),
            Column("Made by", "data: found in the data; default: of cgmm; config", number=False),
            Column("Why", number=False),
            Column("Instead", "What replaces the choice: keys of the config", number=False),
        ],
        rows=[
            Row(
                [
                    words(r.decision),
                    words(r.value),
                    words(r.chosen_by),
                    words(text.sentence(r.reason)),
                    words(r.alternative),
                ]
            )
            for r in each(table)
        ],
        file="decisions.tsv",
        open=False,
    )


def _parameters(meta: dict[str, Any]) -> Pairs:
    reasons = meta.get("reasons") or {}
    values = [
        (name, value, str(reasons.get(name) or "as configured, or the default"))
        for name, value in key_values(meta.get("parameters") or {})
        if not name.startswith("reasons.")
    ]
    given = {name for name, _, _ in values}
    found = [(str(k), "found in the data", str(v)) for k, v in reasons.items() if k not in given]
    return [*values, *found]


def seconds(value: float) -> str:
    """Write a duration."""
    return f"{value:.1f} s" if value < MINUTES_FROM else f"{value / 60:.1f} min"


def _runtime(meta: dict[str, Any]) -> Pairs:
    steps = {k: v for k, v in (meta.get("runtime") or {}).items() if text.is_number(v)}
    rows: Pairs = [(str(rule), seconds(float(v))) for rule, v in steps.items()]
    if len(rows) > 1:
        rows.append(("together", seconds(float(sum(steps.values())))))
    if rows:
        rows.append(("report", "this page: its step had not ended when it was written"))
    return rows


def make_provenance(results: Results) -> Provenance:
    """Collect parameters, versions and checksums from report.json.

    Parameters
    ----------
    results
        A checked results folder.
    """
    meta = results.meta
    return Provenance(
        parameters=_parameters(meta),
        config=[*key_values(meta.get("config") or {})],
        versions=[*key_values(meta.get("versions") or {})],
        runtime=_runtime(meta),
        checksums=[
            tuple(str(s.get(key) or "not given") for key in ("sample", "path", "sha256"))
            for s in meta.get("samples") or []
            if isinstance(s, dict)
        ],
        command=str(meta.get("command") or "not recorded"),
        commit=str(meta.get("git_commit") or "not recorded"),
    )
