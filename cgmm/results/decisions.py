"""The log of decisions: every choice that was made without the user, and what else was possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cgmm.tables import ANNOTATION, DECISIONS, MARKER_TABLE

DATA, CONFIG, DEFAULT = "data", "config", "default"
# sentence of the fit -> the key of the config that replaces the choice
OF_FIT = {
    "n_components": "fit: n_components",
    "rho": "fit: rho",
    "epsilon": "fit: epsilon",
    "transport_weight": "fit: transport_weight",
    "tol": "tol of cgmm.tl.fit",
    "shrinkage": "none",
    "metric": "none",
    "origin": "none",
}
LEARNED = ("n_components", "metric", "origin")


class Decision(NamedTuple):
    """One row of the log."""

    decision: str
    value: str
    chosen_by: str
    reason: str
    alternative: str


def decisions_table(content: Mapping[str, Any], components: pd.DataFrame) -> pd.DataFrame:
    """Return the table :data:`cgmm.tables.DECISIONS` of a comparison.

    Parameters
    ----------
    content
        The content of ``report.json``.
    components
        The table of what each population is, for where the names come from.

    Returns
    -------
    DataFrame
        One row per choice, in the order in which the choices are made.
    """
    rows = [
        *_of_cells(content),
        *_of_space(content),
        *_of_fit(content),
        *_of_populations(content, components),
        *_of_donors(content),
        *_of_genes(content),
    ]
    return pd.DataFrame(rows, columns=list(DECISIONS.names)).astype(object)


def _of_cells(content: Mapping[str, Any]) -> Iterator[Decision]:
    """Choices about which cells are kept."""
    asked = _part(_part(content, "config"), "qc").get("min_genes")
    if content.get("fewest_genes") is not None:
        yield Decision(
            "fewest genes of a cell",
            _shown(content["fewest_genes"]),
            DATA if asked is None else CONFIG,
            "200, or 2 % of the genes that were measured where that is less"
            if asked is None
            else "as configured",
            "qc: min_genes",
        )


def _of_space(content: Mapping[str, Any]) -> Iterator[Decision]:
    """Choices before the fit: the values, the representation, the batches."""
    known, config = _part(content, "representation"), _part(content, "config")
    if known.get("scale"):
        asked = config.get("scale", "auto")
        yield Decision(
            "how values are held",
            str(known["scale"]),
            DATA if asked == "auto" else CONFIG,
            "memory: all values at once; lazy: in blocks of cells. The numbers are the same.",
            "scale: memory or lazy",
        )
    given = bool(config.get("use_rep"))
    yield Decision(
        "representation",
        f"{known.get('use_rep', '')}, {known.get('n_dims', '')} dimensions",
        CONFIG if given else DEFAULT,
        "the embedding of the config, unchanged" if given else _of_pca(known),
        "use_rep, n_dims, n_pcs, n_top_genes",
    )
    integrate = str(known.get("integrate", "none"))
    yield Decision(
        "removal of batches",
        integrate,
        CONFIG if integrate != "none" else DEFAULT,
        "harmony removes differences between batches and does not know the conditions"
        if integrate != "none"
        else "nothing is removed, because a removed difference can be the effect itself",
        "integrate: none or harmony",
    )


def _of_pca(known: Mapping[str, Any]) -> str:
    ratios = [float(r) for r in np.asarray(known.get("variance_ratio", [])) if np.isfinite(r)]
    used = ratios[: int(known.get("n_dims") or 0)]
    words = f"principal components of {known.get('n_genes_used', 'the')} features"
    return words + (f"; they hold {100 * sum(used):.0f} % of the variance" if used else "")


def _of_fit(content: Mapping[str, Any]) -> Iterator[Decision]:
    parameters, reasons = _part(content, "parameters"), _part(content, "reasons")
    for name, alternative in OF_FIT.items():
        if name in reasons:
            value = parameters.get(name, "see the reason")
            by = DATA if name in LEARNED else DEFAULT
            yield Decision(name, _shown(value), by, str(reasons[name]), alternative)
        elif name in parameters and name in {"n_components", "rho", "epsilon", "transport_weight"}:
            yield Decision(name, _shown(parameters[name]), CONFIG, "as configured", alternative)
    yield Decision(
        "seed",
        _shown(parameters.get("random_state")),
        CONFIG if _part(_part(content, "config"), "fit").get("random_state") else DEFAULT,
        "every random number comes from it",
        "fit: random_state",
    )


def _of_populations(content: Mapping[str, Any], components: pd.DataFrame) -> Iterator[Decision]:
    names = components["name"].drop_duplicates()
    annotated = bool(content.get("annotated"))
    yield Decision(
        "populations",
        str(len(names)),
        CONFIG if annotated else DATA,
        "the labels of the annotation"
        if annotated
        else "found in one graph of the cells of both conditions, as fine as the change of "
        "prevalence can be told apart; parts that cannot are merged",
        "annotation_key",
    )
    basis = [str(b) for b in components["named_from"].drop_duplicates() if b]
    if basis:
        yield Decision(
            "names of populations",
            ", ".join(basis),
            CONFIG if {ANNOTATION, MARKER_TABLE} & set(basis) else DATA,
            "an annotation names a population, else a marker table, else its marker genes",
            "annotation_key, markers",
        )


def _of_donors(content: Mapping[str, Any]) -> Iterator[Decision]:
    known = _part(content, "donors")
    if not known:
        return
    settings = _part(_part(content, "config"), "donors")
    n0, n1 = known.get("n_donors") or (0, 0)
    design = str(known.get("design_sentence") or "")
    paired = "paired" if known.get("paired") else "unpaired"
    yield Decision(
        "design of the donors",
        str(settings.get("design") or paired),
        CONFIG if settings.get("design") else DATA,
        design or f"{n0} and {n1} donors; paired when most donors occur in both conditions",
        "donors: design; donor names in the sample sheet",
    )
    if known.get("batch_key") or known.get("adjusted_for_batch"):
        yield Decision(
            "batches in the design",
            "adjusted" if known.get("adjusted_for_batch") else "not adjusted",
            DATA,
            "changes are adjusted for batches that hold both conditions",
            "the column batch of the sample sheet",
        )
    yield Decision(
        "test over donors",
        str(known.get("test") or "none"),
        DATA,
        str(known.get("test_reason") or ""),
        "donors: n_permutations",
    )
    yield Decision(
        "intervals rest on",
        str(known.get("source") or "nothing"),
        DATA,
        f"{100 * float(known.get('level') or 0.95):.0f} % intervals; donors where there are "
        "enough, cells without donors",
        "more donors",
    )
    for sentence in known.get("sentences") or []:
        yield Decision("remark on the donors", "", DATA, str(sentence), "the sample sheet")


def _of_genes(content: Mapping[str, Any]) -> Iterator[Decision]:
    config = _part(content, "config")
    if "test_genes" in config:
        on = bool(config["test_genes"])
        yield Decision(
            "tests of genes",
            "on" if on else "off",
            DEFAULT if on else CONFIG,
            "sums of counts per donor are tested where there are three donors or more in each "
            "condition; elsewhere genes are ranked by their change"
            if on
            else "genes are ranked by their change",
            "test_genes: true or false",
        )


def _part(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, list | tuple | np.ndarray):
        return " and ".join(_shown(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
