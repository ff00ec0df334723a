"""Several targets: which populations respond in which targets, as a plot of intersecting sets.

The plot is that of UpSet (Lex et al. 2014, IEEE Trans. Vis. Comput. Graph. 20:1983): a row of dots
per set, a column per combination of sets, and above it how many are in exactly this combination.
"""

from __future__ import annotations

from markupsafe import Markup

from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.targets import TargetClaims
from cgmm.report.page import text
from cgmm.report.page.svg import WIDTH, Figure, about, drawing, el, label, names_width, tip
from cgmm.report.page.table import Column, Row, Table, number, words
from cgmm.report.sections.section import Paragraph, Section
from cgmm.results.read_targets import SharedPopulation

ROW, BARS, BAR_TOP = 26.0, 90.0, 22.0
MAX_COLUMNS = 24

Group = tuple[tuple[int, ...], list[SharedPopulation]]


def section(claims: TargetClaims) -> Section:
    """Return the section on which populations respond where."""
    groups = combinations(claims)
    title, link = "Which populations respond in which targets", "Who responds where"
    if not groups:
        why = (
            "No population clearly changes in prevalence in any target."
            if claims.tested
            else "Nothing is tested, so no population counts as responding."
        )
        return Section(key="sets", title=title, link=link, parts=[Paragraph(why, "absent")])
    return Section(
        key="sets",
        title=title,
        link=link,
        parts=[sets_figure(claims, groups), sets_table(claims, groups)],
    )


def combinations(claims: TargetClaims) -> list[Group]:
    """Return every combination of targets with the populations that respond in exactly these."""
    found: dict[tuple[int, ...], list[SharedPopulation]] = {}
    for population in claims.results.populations:
        where = claims.responds_in(population)
        if where:
            found.setdefault(where, []).append(population)
    return sorted(found.items(), key=lambda pair: (-len(pair[1]), -len(pair[0]), pair[0]))


def sets_figure(claims: TargetClaims, groups: list[Group]) -> Figure:
    """Draw combinations of targets, and how many populations respond in exactly these."""
    shown = groups[:MAX_COLUMNS]
    targets = [text.short(target, 24) for target in claims.results.targets]
    sizes = [sum(t in where for where, own in groups for _ in own) for t in range(len(targets))]
    left = names_width(targets) + 60
    step = min(64.0, (WIDTH - left - 20) / max(len(shown), 1))
    top = BAR_TOP + BARS + 16
    bottom = top + ROW * len(targets)
    largest = max(len(own) for _, own in shown)
    parts = [
        *_rows(targets, sizes, left, top, step * len(shown)),
        *(
            _column(claims, group, left + step * (c + 0.5), top, largest)
            for c, group in enumerate(shown)
        ),
    ]
    return Figure(
        key="targets-sets",
        title="Targets in which the prevalence of a population changes",
        svg=drawing(
            parts,
            width=max(left + step * len(shown) + 20, 420.0),
            height=bottom + 10,
            title="Combinations of targets with the number of populations that respond in them",
            text="One column per combination of targets. The table below names the populations.",
            key="targets-sets",
        ),
        reading=(
            "Each column is a combination of targets, filled dots joined by a line; the bar above "
            "counts the populations that change in exactly these targets. Triangles point up where "
            "all of them become more common, down where all become rarer; a round dot stands for "
            "both. A population counts with q under 0.05 and an interval without ×1: one that does "
            "not count in a target may have changed there by less than this study can see."
        ),
        note=f"The {MAX_COLUMNS} largest of {len(groups)} combinations."
        if len(groups) > MAX_COLUMNS
        else "",
    )


def _rows(
    targets: list[str], sizes: list[int], left: float, top: float, width: float
) -> list[Markup]:
    """Draw a band per target with its name and the number of its populations."""
    parts = [label("in all", left - 22, top - 8, anchor="end", class_="tick")]
    for t, (name, size) in enumerate(zip(targets, sizes, strict=True)):
        y = top + ROW * (t + 0.5)
        band = {"x": left - 8, "y": y - ROW / 2 + 2, "width": width + 8, "height": ROW - 4}
        parts.append(label(name, left - 52, y, anchor="end"))
        parts.append(label(str(size), left - 22, y, anchor="end", class_="value tick"))
        parts.append(el("rect", **band, class_="band"))
    return parts


def _column(claims: TargetClaims, group: Group, x: float, top: float, largest: int) -> Markup:
    """Draw the bar and the dots of a combination."""
    where, own = group
    height = BARS * len(own) / largest
    names = text.join([p.name for p in own])
    places = text.join([claims.results.targets[t] for t in where])
    bar = {"x": x - 9, "y": BAR_TOP + BARS - height, "width": 18.0, "height": height}
    return el(
        "g",
        tip(f"{names}: in {places}{' only' if len(where) < len(claims.members) else ''}"),
        el("rect", **bar, class_="fill ink"),
        label(str(len(own)), x, BAR_TOP + BARS - height - 9, anchor="middle", class_="value"),
        *_dots(claims, where, own, x, top),
        class_="mark",
        **about([p.index for p in own]),
    )


def _dots(
    claims: TargetClaims, where: tuple[int, ...], own: list[SharedPopulation], x: float, top: float
) -> list[Markup]:
    """Draw the dots of a combination, with the direction of the change in every target."""
    at = [top + ROW * (t + 0.5) for t in range(len(claims.members))]
    parts: list[Markup] = []
    if len(where) > 1:
        parts.append(el("line", x1=x, x2=x, y1=at[where[0]], y2=at[where[-1]], class_="whisker"))
    for t, y in enumerate(at):
        if t not in where:
            parts.append(el("circle", cx=x, cy=y, r=3.5, class_="dot flat hollow", opacity=0.4))
            continue
        ways = {_direction(claims, p, t) for p in own}
        if ways == {"up"}:
            parts.append(el("path", d=f"M{x - 7:.1f},{y + 5:.1f}h14l-7,-11z", class_="fill up"))
        elif ways == {"down"}:
            parts.append(el("path", d=f"M{x - 7:.1f},{y - 5:.1f}h14l-7,11z", class_="fill down"))
        else:
            parts.append(el("circle", cx=x, cy=y, r=6.0, class_="fill flat"))
    return parts


def _direction(claims: TargetClaims, population: SharedPopulation, t: int) -> str:
    """Return "up" for more common or new, "down" for rarer or gone."""
    finding = claims.finding(population.name, t)
    assert finding is not None
    return "up" if finding.prevalence in {Prevalence.MORE, Prevalence.NEW} else "down"


def sets_table(claims: TargetClaims, groups: list[Group]) -> Table:
    """Name the populations of every combination, with the direction of their change."""
    rows = []
    for where, own in groups:
        said = [f"{p.name} ({_ways(claims, p, where)})" for p in own]
        targets = text.join([claims.results.targets[t] for t in where])
        rows.append(
            Row(
                [words(targets), number(len(own), text.count), words(", ".join(said))],
                tuple(p.index for p in own),
            )
        )
    return Table(
        key="t-target-sets",
        caption="Who responds where",
        columns=[
            Column("In exactly these targets", number=False),
            Column("Populations"),
            Column("Which, and how", number=False),
        ],
        rows=rows,
        file="responses",
    )


def _ways(claims: TargetClaims, population: SharedPopulation, where: tuple[int, ...]) -> str:
    """Return the direction of a change, or one per target when they differ."""
    said = []
    for t in where:
        finding = claims.finding(population.name, t)
        assert finding is not None
        said.append(finding.prevalence.brief)
    if len(set(said)) == 1:
        return said[0]
    names = claims.results.targets
    return ", ".join(f"{way} in {names[t]}" for way, t in zip(said, where, strict=True))
