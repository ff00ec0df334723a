"""What the page knows of single genes: their change in every population and value in every donor.

Numbers are packed as integers, because 3,000 genes in 30 populations and 16 donors are more than a
million values: most in base64, and the values of donors as one letter each, which is enough for a
point in a panel. How many donors show a change is counted here, from the numbers of the file.
static/genes.js unpacks them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.pair import SIDES
from cgmm.report.page.render import json_island
from cgmm.results.read import Results
from cgmm.thresholds import ALPHA

MAX_VALUES = 850_000  # values of donors in a page; more stay in the file
LISTED = 12  # leading genes of a population that are buttons
MISSING = 255  # of one byte; -32768 and 65535 of two
#: Letters of the values of donors, from the smallest to the largest; none ends a script or a text.
LETTERS = "".join(chr(code) for code in range(0x23, 0x7E) if chr(code) not in "&<>\\'`")
NO_VALUE = "!"


@dataclass(frozen=True)
class GeneExplorer:
    """The figures in which a reader picks a gene, and their data."""

    macro: ClassVar[str] = "explorer"
    data: Markup
    names: list[tuple[int, str]]  #: index on the page and name of each population with genes
    tested: bool
    donors: bool
    kind: str  #: "gene" or "marker"
    kinds: str
    cut: str  #: a sentence when some genes have no values in the page, else ""


def why_not_tested(results: Results) -> str:
    """Return why most populations have no test of genes over donors; "" without a reason."""
    reasons = [str(r) for r in results.tables["gene_agreement"]["de_reason"] if r]
    return max(dict.fromkeys(reasons), key=reasons.count) if reasons else ""


def explorer(results: Results) -> GeneExplorer | None:
    """Return the explorer of genes; None without genes."""
    table = results.tables["genes"]
    table = table.loc[np.isfinite(table["log2_change"])].drop_duplicates(["name", "gene"])
    if table.empty:
        return None
    found = set(table["name"])
    populations = [p for p in results.populations if p.name in found]
    genes = _by_rank(table)
    names = [p.name for p in populations]
    wide = {
        column: table.pivot(index="gene", columns="name", values=column).reindex(
            index=genes, columns=names
        )
        for column in ("log2_change", "de_q", "ambient_share", "rank")
    }
    data = _changes(wide) | {
        "genes": "\n".join(genes),
        "pops": [p.index for p in populations],
        "scope": _scopes(table, genes),
        "sides": [results.source, results.target],
        "unit": results.change_of_genes[0],
        "kinds": results.features[1],
        "reasons": _reasons(results, names),
    }
    values, n = _donor_values(results, genes, names, wide["log2_change"].to_numpy(dtype=float))
    left = len(genes) - n if values else 0
    return GeneExplorer(
        data=json_island(data | values),
        names=[(p.index, p.name) for p in populations],
        tested=bool(np.isfinite(wide["de_q"].to_numpy(dtype=float)).any()),
        donors=bool(values),
        kind=results.features[0],
        kinds=results.features[1],
        cut=_cut(left, results.features[1]),
    )


def _cut(left: int, kinds: str) -> str:
    """Say where the values of donors are that the page does not hold."""
    return f"{left} further {kinds} have their values in gene_donors.tsv.gz." if left else ""


def _by_rank(table: pd.DataFrame) -> list[str]:
    """Return the genes, those first that lead in some population."""
    best = table.groupby("gene", sort=True)["rank"].min()
    return [str(gene) for gene in best.sort_values(kind="stable").index]


def _changes(wide: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Pack the numbers of every gene and population, gene by gene."""
    change, q, ambient = (
        wide[c].to_numpy(dtype=float) for c in ("log2_change", "de_q", "ambient_share")
    )
    log_q = -np.log10(np.maximum(q, 1e-300))
    share = np.where(np.isnan(ambient), 127, np.rint(100 * np.clip(ambient, 0, 1)))
    top = np.argsort(wide["rank"].fillna(np.inf).to_numpy(dtype=float), axis=0, kind="stable")
    return {
        "change": _coded(change * 1000, "<i2", -32768, 32767),
        "q": _coded(log_q * 1000, "<u2", 65535, 65534),
        "ambient": _coded(share + 128 * (q < ALPHA), "<u1", MISSING, MISSING),
        "top": top[:LISTED].T.tolist(),
    }


def _coded(values: np.ndarray, kind: str, missing: int, most: int) -> str:
    """Return whole numbers in base64; NaN becomes ``missing``, larger numbers ``most``."""
    low = -most if missing < 0 else 0
    whole = np.where(np.isnan(values), missing, np.clip(np.rint(np.nan_to_num(values)), low, most))
    return base64.b64encode(whole.astype(kind).tobytes()).decode("ascii")


def _scopes(table: pd.DataFrame, genes: list[str]) -> str:
    """Return one letter per gene: c common, s specific, - neither."""
    scope = table.drop_duplicates("gene").set_index("gene")["scope"].reindex(genes)
    return "".join({"common": "c", "specific": "s"}.get(str(s), "-") for s in scope)


def _reasons(results: Results, names: list[str]) -> list[str]:
    """Return why the genes of each population were not tested; "" where they were."""
    table = results.tables["gene_agreement"]
    known = dict(zip(table["name"], table["de_reason"], strict=True))
    return [str(known.get(name, "")) for name in names]


def _donor_values(
    results: Results, genes: list[str], names: list[str], change: np.ndarray
) -> tuple[dict[str, Any], int]:
    """Pack the values of donors of the first genes; return also for how many genes."""
    table = results.gene_donors
    if table.empty:
        return {}, 0
    units = table[["side", "donor"]].drop_duplicates().astype(str)
    units = units.sort_values(["side", "donor"], kind="stable")
    columns = pd.MultiIndex.from_frame(units)
    n = min(len(genes), max(MAX_VALUES // (len(names) * len(columns)), 1))
    known = set(genes[:n])
    text = table[["name", "gene", "side", "donor"]].astype(str)
    part = text.assign(mean=table["mean"]).loc[text["gene"].isin(known)]
    part = part.drop_duplicates(["name", "gene", "side", "donor"])
    wide = part.set_index(["gene", "name", "side", "donor"])["mean"].unstack(["side", "donor"])
    index = pd.MultiIndex.from_product([genes[:n], names])
    flat = wide.reindex(index=index, columns=columns).to_numpy(dtype=float)
    values = flat.reshape(n, len(names), len(columns))
    least = np.fmin(np.nan_to_num(np.nanmin(values, axis=(1, 2), initial=0.0)), 0.0)
    most = np.nan_to_num(np.nanmax(values, axis=(1, 2), initial=0.0))
    span = np.where(most > least, most - least, 1.0)
    levels = (values - least[:, None, None]) / span[:, None, None] * (len(LETTERS) - 1)
    shown = donors_that_show(change[:n], values, units)
    return {
        "donors": [[donor, int(side == "target")] for side, donor in columns],
        "least": [float(f"{v:.4g}") for v in least],
        "most": [float(f"{v:.4g}") for v in most],
        "letters": LETTERS,
        "values": _lettered(levels),
        "shown": _coded(shown, "<u1", MISSING, MISSING - 1),
    }, n


def _lettered(levels: np.ndarray) -> str:
    """Return one letter for each value."""
    missing = np.isnan(levels)
    letters = np.frombuffer((LETTERS + NO_VALUE).encode("ascii"), np.uint8)
    places = np.where(missing, len(LETTERS), np.rint(np.where(missing, 0.0, levels)))
    return letters[places.astype(int)].tobytes().decode("ascii")


def donors_that_show(change: np.ndarray, values: np.ndarray, units: pd.DataFrame) -> np.ndarray:
    """Return how many donors show the direction of each change, (n_genes, K); NaN without donors.

    A donor with both conditions shows it when its own values differ in this direction. Where no
    donor has both, a donor of the target shows it when it lies beyond all donors of the source.

    Parameters
    ----------
    change
        Change of every gene and population, (n_genes, K).
    values
        Values of every side and donor, NaN where there is none, (n_genes, K, U).
    units
        Side and donor of the last axis of ``values``.
    """
    sign = np.where(change > 0, 1.0, -1.0)[:, :, None]
    side, donor = units["side"].to_numpy(), units["donor"].to_numpy()
    sides = [pd.Series(np.flatnonzero(side == s), index=donor[side == s]) for s in SIDES]
    source, target = (sign * values[:, :, place.to_numpy()] for place in sides)
    common = sides[0].index.intersection(sides[1].index)
    own = [values[:, :, place[common].to_numpy()] for place in sides]
    both = np.isfinite(own[0]) & np.isfinite(own[1])
    with np.errstate(invalid="ignore"):
        paired = ((sign * (own[1] - own[0]) > 0) & both).sum(axis=2)
        edge = np.where(np.isnan(source), -np.inf, source).max(axis=2, initial=-np.inf)
        beyond = (target > edge[:, :, None]).sum(axis=2)
    known = np.isfinite(change) & np.isfinite(source).any(axis=2) & np.isfinite(target).any(axis=2)
    return np.where(known, np.where(both.any(axis=2), paired, beyond), np.nan)
