"""Everything that the page states, as plain values: the content of ``findings.json``.

``findings.schema.json`` beside the package of the report describes the document. `VERSION` rises
when an entry is renamed, removed or changes its meaning; a new entry leaves it as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgmm import __version__
from cgmm.report.claims.as_text import verdict_text
from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.influence import donor_sentences
from cgmm.report.claims.sensitivity import sensitivity_sentence
from cgmm.report.page import text
from cgmm.results.read import Results, each, row_of
from cgmm.thresholds import ALPHA

MAX_GENE_SETS = 10  # of a population
FORMAT, VERSION = "cgmm findings", 1
FACTOR, DISTANCE, SHARE, CHANGE = "log2 factor", "SD", "share", "change"


def findings_document(claims: Claims) -> dict[str, Any]:
    """Return the claims of a report as values that JSON can hold.

    Parameters
    ----------
    claims
        What the report states.

    Returns
    -------
    dict
        The entries format, version, made_by, comparison, headline, answers, notes, alerts, claims
        and text. A number that is not known is None.
    """
    results, verdict = claims.results, claims.verdict
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"cgmm {__version__}",
        "comparison": _comparison(results),
        "headline": list(verdict.headline),
        "answers": [{"question": q, "answer": a} for q, a in verdict.answers],
        "notes": list(verdict.notes),
        "alerts": [
            {"level": str(a.level), "title": a.title, "text": a.text, "advice": a.advice}
            for a in claims.alerts
        ],
        "claims": _claims(claims),
        "text": verdict_text(claims),
    }


def _comparison(results: Results) -> dict[str, Any]:
    counts = results.meta.get("n_cells") or {}
    donors = results.donors_per_side()
    return {
        "name": results.name,
        "title": results.title,
        "source": results.source,
        "target": results.target,
        "n_cells": {side: _known(counts.get(side)) for side in ("source", "target")},
        "n_donors": {"source": donors[0], "target": donors[1]},
        "populations_are": "labels" if results.annotated else "found",
    }


def _claims(claims: Claims) -> list[dict[str, Any]]:
    results = claims.results
    caveats = {index: [words for _, words in found] for index, found in claims.caveats().items()}
    made = []
    for finding in claims.verdict.findings:
        of_it = caveats.get(finding.index, [])
        made += [
            _prevalence(results, finding, of_it),
            *_state(results, finding),
            *_transfer(finding),
            *_genes(results, finding),
            *_gene_sets(results, finding),
        ]
    made += [_effect(row) for row in each(results.tables["effects"])]
    for kind, sentences in (
        ("donors", donor_sentences(claims.influences, claims.verdict)),
        ("sensitivity", [sensitivity_sentence(results)]),
    ):
        made += [_claim(None, kind, "", sentence=words) for words in sentences if words]
    return made


def _claim(
    population: str | None,
    kind: str,
    state: str,
    *,
    sentence: str,
    reported: bool | None = None,
    unit: str = "",
    estimate: Any = None,
    low: Any = None,
    high: Any = None,
    p: Any = None,
    q: Any = None,
    reason: str = "",
    caveats: list[str] | None = None,
    about: str | None = None,
) -> dict[str, Any]:
    """Return one claim; every claim has the same entries."""
    return {
        "population": population,
        "kind": kind,
        "about": about,
        "state": state,
        "reported_as_change": reported,
        "unit": unit,
        "estimate": _known(estimate),
        "interval": [_known(low), _known(high)] if _both(low, high) else None,
        "p": _known(p),
        "q": _known(q),
        "reason": reason,
        "caveats": caveats or [],
        "sentence": sentence if sentence.endswith(".") else f"{sentence}.",
    }


def _prevalence(results: Results, finding: Finding, caveats: list[str]) -> dict[str, Any]:
    row = row_of(results.tables["factors"], finding.name)
    shown = finding.has_interval
    return _claim(
        finding.name,
        "prevalence",
        str(finding.prevalence),
        reported=finding.prevalence.is_change and not finding.prevalence.is_apparent,
        unit=FACTOR,
        estimate=finding.log2_net,
        low=finding.ci_low if shown else None,
        high=finding.ci_high if shown else None,
        p=row.get("p"),
        q=finding.q,
        reason="" if shown else finding.reason,
        caveats=caveats,
        sentence=f"{finding.name}: {finding.prevalence_text}",
    )


def _state(results: Results, finding: Finding) -> list[dict[str, Any]]:
    if not finding.state_text:
        return []
    shifts = results.tables["shifts"]
    rows = shifts.loc[shifts["source"] == finding.name]
    own = rows.loc[rows["target"] == finding.name]
    row = row_of(rows.loc[rows["target"] == finding.goes_to] if own.empty else own,
                 finding.name, "source")  # fmt: skip
    shown = finding.has_shift_interval
    return [
        _claim(
            finding.name,
            "state",
            str(finding.state),
            reported=finding.moved and shown,
            unit=DISTANCE,
            estimate=finding.shift_sd,
            low=finding.shift_low if shown else None,
            high=finding.shift_high if shown else None,
            p=row.get("p"),
            q=row.get("q"),
            sentence=f"{finding.name}: {finding.state_text}",
        )
    ]


def _transfer(finding: Finding) -> list[dict[str, Any]]:
    if not finding.goes_to:
        return []
    same = finding.goes_to == finding.name
    words = finding.transfer_text or (
        f"{text.percent(finding.goes_share)} of it goes on under the same name"
    )
    return [
        _claim(
            finding.name,
            "transfer",
            "same name" if same else "another name",
            about=finding.goes_to,
            reported=finding.elsewhere,
            unit=SHARE,
            estimate=finding.goes_share,
            reason="Transfers have no intervals.",
            sentence=f"{finding.name}: {words}",
        )
    ]


def _genes(results: Results, finding: Finding) -> list[dict[str, Any]]:
    """Return the leading genes of a population, with their tests where they were tested."""
    genes = results.tables["genes"]
    own = genes.loc[genes["name"] == finding.name].set_index("gene")
    unit, _ = results.change_of_genes
    made = []
    for gene, change in finding.genes:
        row = own.loc[gene]
        higher = "higher" if change > 0 else "lower"
        made.append(
            _claim(
                finding.name,
                "gene",
                higher,
                about=gene,
                reported=bool(
                    finding.state.is_seen if np.isnan(row["de_q"]) else row["de_q"] < ALPHA
                ),
                unit=unit,
                estimate=change,
                p=row["de_p"],
                q=row["de_q"],
                sentence=f"{finding.name}: {gene} {higher} in {results.target} "
                f"({unit} {text.fixed(change)})",
            )
        )
    return made


def _gene_sets(results: Results, finding: Finding) -> list[dict[str, Any]]:
    """Return the gene sets of a population with the smallest p, of those that are found."""
    table = results.gene_sets
    own = table.loc[(table["name"] == finding.name) & (table["q"] < ALPHA)]
    made = []
    for row in each(own.sort_values("p", kind="stable").head(MAX_GENE_SETS)):
        more = row.log2_change - row.log2_others
        direction = "higher" if row.t > 0 else "lower"
        made.append(
            _claim(
                finding.name,
                "gene set",
                direction,
                about=row.set,
                reported=True,
                unit="log2 change",
                estimate=more,
                p=row.p,
                q=row.q,
                sentence=f"{finding.name}: genes of {row.set} {direction} than other genes in "
                f"{results.target} (difference of mean log2 changes {text.fixed(more)})",
            )
        )
    return made


def _effect(row: Any) -> dict[str, Any]:
    number = text.fold(row.log2_change) if text.is_number(row.log2_change) else "no factor"
    return _claim(
        row.name,
        "effect",
        row.kind,
        about=row.contrast,
        unit=FACTOR,
        estimate=row.log2_change,
        low=row.ci_low,
        high=row.ci_high,
        p=row.p,
        q=row.q,
        reason=row.reason,
        sentence=f"{row.name}, {row.contrast}: {row.words or number}",
    )


def _known(value: Any) -> float | int | None:
    """Return a finite number as JSON holds it, six digits as in the tables; None for none."""
    if isinstance(value, bool) or not text.is_number(value):
        return None
    return value if isinstance(value, int) else float(f"{float(value):.6g}")


def _both(low: Any, high: Any) -> bool:
    return all(isinstance(v, int | float) and math.isfinite(v) for v in (low, high))
