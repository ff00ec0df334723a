"""The leading gene of every population in every donor, drawn without a script."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.pair import SIDES
from cgmm.report.page import text
from cgmm.report.page.svg import Figure, drawing, el, label, polyline, tip
from cgmm.report.sections.gene_data import donors_that_show
from cgmm.results.read import Population, Results, each

ACROSS, W, H, LEFT, TOP = 5, 114.0, 92.0, 34.0, 40.0
STEP_X, STEP_Y = W + 34.0, H + 84.0
MOST = 15
TRIED = 20  # leading genes of a population, of which the first that is not drawn yet is drawn


class _Leader(NamedTuple):
    """A population, its leading gene, and the gene in every donor."""

    population: Population
    gene: str
    change: float
    q: float
    source: pd.Series  #: value by donor
    target: pd.Series


def gene_donors_figure(results: Results) -> Figure | None:
    """Draw the leading gene of each of the largest populations in every donor."""
    kind, kinds = results.features
    values = "log2 expression" if results.change_of_genes[0] == "log2 change" else "value"
    every = _leaders(results)
    leaders = every[:MOST]
    if not leaders:
        return None
    rows = -(-len(leaders) // ACROSS)
    width = LEFT + ACROSS * STEP_X
    parts: list[Markup] = []
    for i, leader in enumerate(leaders):
        x, y = LEFT + (i % ACROSS) * STEP_X, TOP + (i // ACROSS) * STEP_Y
        parts.append(_panel(results, leader, x, y))
    paired = bool(results.shared_donors())
    return Figure(
        key="gene-donors",
        title=f"Does every donor show it? The leading {kind} of each population",
        svg=drawing(
            parts,
            width=width,
            height=TOP + rows * STEP_Y - 46,
            title=f"The leading {kind} of each population in every donor",
            text="One panel per population, with a point for every donor: the mean "
            f"{values} of its leading {kind} in the cells of the donor.",
            key="gene-donors",
        ),
        reading=(
            f"One panel per population: of the {kinds} that no panel before it shows, the one "
            f"whose mean changed most. A point is the mean {values} of the cells of a donor, "
            f"hollow in {results.source}, filled in {results.target}"
            f"{'; a line joins the two points of a donor' if paired else ''}. "
            "Every panel has its own scale. Below: the change, its q over donors where it was "
            "tested, and how many donors show it. A click on a panel shows it in all populations."
        ),
        note="The largest populations are drawn." if len(every) > MOST else "",
    )


def _leaders(results: Results) -> list[_Leader]:
    """Return the leading gene of every population that no earlier population has."""
    genes, values = results.tables["genes"], results.gene_donors
    if genes.empty or values.empty:
        return []
    first = genes.loc[genes["rank"] <= TRIED].sort_values(["name", "rank"], kind="stable")
    names, symbols = (values[c].astype(str) for c in ("name", "gene"))
    part = values.loc[symbols.isin(set(first["gene"])) & names.isin(set(first["name"]))]
    part = part.astype(dict.fromkeys(("name", "gene", "side", "donor"), str)).dropna()
    by_gene = dict(iter(part.groupby(["name", "gene"], sort=False)))
    found: list[_Leader] = []
    for population in results.populations:
        drawn = {leader.gene for leader in found}
        for row in each(first.loc[first["name"] == population.name]):
            own = by_gene.get((population.name, row.gene))
            if own is None or row.gene in drawn:
                continue
            known = own.drop_duplicates(["side", "donor"]).set_index(["side", "donor"])["mean"]
            source, target = (
                known[known.index.get_level_values("side") == side].droplevel("side")
                for side in SIDES
            )
            if len(source) and len(target):
                change, q = float(row.log2_change), float(row.de_q)
                found.append(_Leader(population, str(row.gene), change, q, source, target))
                break
    return found


def _shown(leader: _Leader) -> tuple[int, int]:
    """Return how many donors show the change, and of how many donors."""
    units = pd.concat([leader.source, leader.target], keys=SIDES, names=["side", "donor"])
    table = units.reset_index(name="value")
    n = donors_that_show(
        np.array([[leader.change]]), table["value"].to_numpy(dtype=float)[None, None], table
    )
    both = leader.source.index.intersection(leader.target.index)
    return int(n[0, 0]), len(both) or len(leader.target)


def _panel(results: Results, leader: _Leader, x: float, y: float) -> Markup:
    population = leader.population
    low = min(float(leader.source.min()), float(leader.target.min()), 0.0)
    high = max(float(leader.source.max()), float(leader.target.max()))
    high = low + 1.0 if high <= low else high
    span = (high - low) * 1.08

    def at(value: float) -> float:
        return y + H - (value - low) / span * H

    xs = (x + W * 0.28, x + W * 0.72)
    n, of = _shown(leader)
    parts: list[Markup] = [
        el("rect", x=x, y=y, width=W, height=H, class_="panel"),
        el("rect", x=x, y=y - 34, width=W, height=H + 66, class_="row-hit"),
        label(results.short(population.name, 17), x, y - 24, class_="panel-title"),
        label(text.short(leader.gene, 16), x, y - 9, class_="gene"),
    ]
    both = leader.source.index.intersection(leader.target.index)
    for donor in both:
        ends = polyline(list(xs), [at(leader.source[donor]), at(leader.target[donor])])
        parts.append(el("path", d=ends, class_="pair", stroke=population.colour))
    for side, values, middle, name in (
        ("source", leader.source, xs[0], results.source),
        ("target", leader.target, xs[1], results.target),
    ):
        offsets = np.zeros(len(values)) if len(both) else _spread(len(values))
        for offset, (donor, value) in zip(offsets, values.items(), strict=True):
            parts.append(
                el(
                    "circle",
                    tip(f"{donor}, {name}: {text.fixed(value, 1)}"),
                    cx=middle + offset,
                    cy=at(value),
                    r=3.4,
                    class_=f"donor {side}",
                    stroke=population.colour,
                    fill=population.colour if side == "target" else None,
                )
            )
        parts.append(label(text.short(name, 9), middle, y + H + 10, anchor="middle", class_="tick"))
    for value in (low, high):
        parts.append(label(text.fixed(value, 1), x - 4, at(value), anchor="end", class_="tick"))
    q = f" · q {text.probability(leader.q)}" if np.isfinite(leader.q) else ""
    words = f"{text.signed(leader.change, 2)}{q} · {n}/{of}"
    parts.append(label(words, x, y + H + 25, class_="value tick"))
    hover = f"{leader.gene} in {population.name}: {n} of {of} donors show the change"
    which = {"data_s": population.index, "data_gene": leader.gene}
    return el("g", tip(hover), *parts, class_="mark", **which)


def _spread(n: int) -> np.ndarray:
    return (np.arange(n) - (n - 1) / 2) * min(7.0, 40 / max(n, 1))
