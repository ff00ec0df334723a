"""Comparisons with several targets: their members, the order of their targets, and the checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cgmm.donors.ordered import checked_scores
from workflow.sheet import Row

LIST = "list"  # value of `order`: the order of the list
MAX_SLUG = 40
Comparison = dict[str, Any]


def conditions_of(comparison: Comparison) -> list[str]:
    """Return the source and the targets of an entry of the config."""
    targets = comparison["targets"] or [comparison["target"]]
    return [comparison["source"], *targets]


def columns_of_orders(config: dict[str, Any]) -> set[str]:
    """Return the columns of the sample sheet that hold the order of targets."""
    orders = (comparison["order"] for comparison in config["comparisons"])
    return {order for order in orders if order not in (None, LIST)}


def problems_of_entries(config: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence per comparison whose keys do not fit together; before the sheet is read."""
    for i, comparison in enumerate(config["comparisons"]):
        where = f"config: `comparisons.{i}`"
        target, targets = comparison["target"], comparison["targets"]
        if target is None and targets is None:
            yield f"{where} lacks `target`. Add it, or `targets` for several."
        elif target is not None and targets is not None:
            yield f"{where} has both `target` and `targets`. Keep one of them."
        elif targets is None:
            for key in ("order", "all_pairs"):
                if comparison[key]:
                    yield f"{where} has `{key}`, which is for several targets. Give `targets`."
        elif len(set(targets)) < len(targets):
            twice = next(t for t in targets if targets.count(t) > 1)
            yield f"{where}: `targets` has {twice!r} twice. Name each condition once."
        elif comparison["source"] in targets:
            yield (
                f"{where}: `targets` has {comparison['source']!r}, which is the source. A "
                "condition is not compared with itself: remove it from `targets`."
            )
        elif len(targets) < 2:
            yield (
                f"{where}: `targets` has one condition. Name two or more, or write "
                f"`target: {targets[0]}`."
            )


def problems_of_order(comparison: Comparison, rows: list[Row], sheet: str) -> Iterator[str]:
    """Yield a sentence when the order of the targets cannot be read; set ``scores``.

    Parameters
    ----------
    comparison
        The entry, with its dataset.
    rows
        The sample sheet.
    sheet
        Path of the sheet, for the sentence.
    """
    order, conditions = comparison["order"], conditions_of(comparison)
    comparison["scores"] = None
    if order is None:
        return
    if order == LIST:
        comparison["scores"] = {name: float(i) for i, name in enumerate(conditions)}
        return
    where = f"config, comparison {comparison['name']}"
    if order not in rows[0]:
        there = ", ".join(name for name in rows[0] if rows[0][name])
        yield (
            f"{where}: `order` is {order!r}, which is not a column of {sheet} (columns: {there}). "
            f"Add the column with a number per sample, or write `order: {LIST}` for the order of "
            "`targets`."
        )
        return
    own = [row for row in rows if row["dataset"] == comparison["dataset"]]
    values = {
        name: list(dict.fromkeys(row[order] for row in own if row["condition"] == name))
        for name in conditions
    }
    try:
        comparison["scores"] = checked_scores(values, what=f"the column {order!r} of {sheet}")
    except ValueError as error:
        yield f"{where}: {error}"


def expanded_targets(comparisons: list[Comparison]) -> tuple[list[Comparison], list[Comparison]]:
    """Return one comparison per target, and the entries that had several.

    Parameters
    ----------
    comparisons
        The checked entries, with their dataset and scores.

    Returns
    -------
    comparisons
        Each with one target. ``family`` is the entry it comes from, or None; ``first`` the
        comparison whose source components it shares, or None.
    families
        The entries with several targets, with their ``members``, the names of the comparisons.
    """
    single, families = [], []
    for entry in comparisons:
        shared = {key: value for key, value in entry.items() if key not in OF_FAMILY}
        if entry["targets"] is None:
            single.append({**shared, "target": entry["target"], "family": None, "first": None})
            continue
        names = member_names(entry["name"], entry["targets"])
        for name, target in zip(names, entry["targets"], strict=True):
            single.append(
                {
                    **shared,
                    "name": name,
                    "target": target,
                    "title": None if entry["title"] is None else f"{entry['title']}: {target}",
                    "family": entry["name"],
                    "first": None if name == names[0] else names[0],
                }
            )
        families.append({**entry, "members": names})
    return single, families


OF_FAMILY = ("targets", "order", "all_pairs", "scores")


def member_names(name: str, targets: list[str]) -> list[str]:
    """Return a name of files for every target: that of the entry, a dot, and the target."""
    made: list[str] = []
    for i, target in enumerate(targets):
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", target).strip("-")[:MAX_SLUG] or str(i + 1)
        while f"{name}.{slug}".lower() in {other.lower() for other in made}:
            slug = f"{slug}-{i + 1}"
        made.append(f"{name}.{slug}")
    return made
