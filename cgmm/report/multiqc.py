"""One row per comparison for MultiQC, as its custom content.

MultiQC reads a file whose name ends in ``_mqc.json`` without any setting, and joins the files of
several comparisons into one table because they have the same ``id``
(https://docs.seqera.io/multiqc/custom_content).
"""

from __future__ import annotations

from typing import Any

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.states import Level

SUFFIX = "_mqc.json"
COUNT = {"format": "{:,.0f}", "scale": False}


def multiqc_content(claims: Claims) -> dict[str, Any]:
    """Return the custom content of a comparison: a table with its row.

    Parameters
    ----------
    claims
        What the report states.
    """
    results, groups = claims.results, claims.verdict.groups
    donors = results.donors_per_side()
    serious = [a for a in claims.alerts if a.level is not Level.NOTE]
    row = {
        "cells": int(results.n_cells),
        "donors": f"{donors[0]} + {donors[1]}" if any(donors) else "none given",
        "populations": groups.n_source,
        "more": len(groups.more),
        "less": len(groups.less),
        "moved": len(groups.moved),
        "new_or_gone": len(groups.new) + len(groups.gone),
        "alerts": len(serious),
        "verdict": " ".join(claims.verdict.headline),
    }
    return {
        "id": "cgmm",
        "section_name": "cgmm",
        "description": "Populations of single cells between two conditions: which became more or "
        "less common, and which changed state. A row is a comparison; its report has the numbers.",
        "plot_type": "table",
        "pconfig": {
            "id": "cgmm_comparisons",
            "title": "cgmm: comparisons",
            "col1_header": "Comparison",
        },
        "headers": _headers(tested=claims.verdict.tested),
        "data": {results.name: row},
    }


def _headers(*, tested: bool) -> dict[str, dict[str, Any]]:
    needs = "q under 0.05 over donors" if tested else "at least 1.5-fold; nothing is tested"
    return {
        "cells": {"title": "Cells", "description": "Cells of both conditions", **COUNT},
        "donors": {"title": "Donors", "description": "Donors of source + target"},
        "populations": {"title": "Populations", "description": "Of the source", **COUNT},
        "more": {"title": "More common", "description": f"Populations, {needs}", **COUNT},
        "less": {"title": "Rarer", "description": f"Populations, {needs}", **COUNT},
        "moved": {
            "title": "Changed state",
            "description": "Mean cell moved 0.5 SD",
            **COUNT,
        },
        "new_or_gone": {"title": "New or gone", "description": "Only in one condition", **COUNT},
        "alerts": {"title": "Warnings", "description": "Read before trusting numbers", **COUNT},
        "verdict": {"title": "In words", "description": "The first lines of the report"},
    }
