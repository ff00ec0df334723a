"""One name is one gene in every file: names that stand for several genes are told apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cgmm.pp._samples import listed, notice


@dataclass(frozen=True)
class Features:
    """The features of a file that are used."""

    names: pd.Index  #: unique
    columns: np.ndarray  #: where they stand in the stored matrix, increasing
    n_stored: int

    @property
    def all_used(self) -> bool:
        """Whether no feature of the file is left out."""
        return len(self.columns) == self.n_stored


@dataclass
class Resolved:
    """Features of all files, and what is to be said about them."""

    files: dict[str, Features] = field(default_factory=dict)
    notices: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def tell_apart(
    names: dict[str, np.ndarray],
    ids: dict[str, np.ndarray | None],
    kept: dict[str, np.ndarray],
    found: Resolved,
) -> None:
    """Give names that stand for several genes a name of their own; changes ``names``, ``kept``."""
    twice = {path: _repeated(own) for path, own in names.items()}
    ambiguous = {name for repeated in twice.values() for name in repeated}
    by_id = all(own is not None for own in ids.values())
    crossing = _crossing(names, ids) if by_id else set()
    if by_id:
        _call_alike(names, ids, ambiguous | crossing, found)
    if not ambiguous | crossing:
        return
    if not crossing and _all_equal(names) and (not by_id or _all_equal(ids)):
        _note_places(twice, found)
        return
    wrong = ambiguous | crossing
    shown = listed(sorted(wrong), most=3)
    if by_id:
        example = _complete_by_id(names, ids, wrong)
        found.notices.append(
            notice(
                "info",
                f"{len(wrong)} gene names stand for several genes ({shown}); the identifier was "
                f"added to them ({example}).",
            )
        )
        return
    for path, own in names.items():
        good = np.array([name not in wrong for name in own], dtype=bool)
        kept[path][np.flatnonzero(kept[path])[~good]] = False
        names[path] = own[good]
    found.notices.append(
        notice(
            "warning",
            f"{len(wrong)} gene names stand for several genes ({shown}), which the files list "
            "differently, so they were left out.",
            "Add a column of identifiers (gene_ids) to `var` of every file, or name the column "
            "that holds them as `gene_column` in the config.",
        )
    )


def _call_alike(
    names: dict[str, np.ndarray],
    ids: dict[str, np.ndarray | None],
    wrong: set[str],
    found: Resolved,
) -> None:
    """Call a gene in every file as in the first that has it: symbols change, identifiers do not."""
    first: dict[str, str] = {}
    changed: dict[str, str] = {}
    seen: list[tuple[np.ndarray, Any]] = []
    for path, own in names.items():
        mine: Any = ids[path]
        if any(_same(own, a) and _same(mine, b) for a, b in seen[:1]):
            continue
        seen.append((own, mine))
        there = {*own, *wrong}
        called = own.copy()
        for at, (name, i) in enumerate(zip(own, mine, strict=True)):
            other = first.setdefault(i, name)
            if other != name and name not in wrong and other not in there:
                called[at], changed[name] = other, other
        names[path] = called
    if changed:
        name, other = next(iter(changed.items()))
        found.notices.append(
            notice(
                "info",
                f"{len(changed)} genes have other names in other files, but the same identifier "
                f"({name} is {other}); they are called as in the first file that has them.",
            )
        )


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return len(one) == len(other) and bool((one == other).all())


def _complete_by_id(
    names: dict[str, np.ndarray], ids: dict[str, np.ndarray | None], wrong: set[str]
) -> str:
    """Add identifiers to names that stand for several genes; returns one of the new names.

    A gene is called as in the first file that has it.
    """
    first: dict[str, str] = {}
    example = ""
    for path, own in names.items():
        mine: Any = ids[path]
        completed = own.copy()
        for at in np.flatnonzero([name in wrong for name in own]):
            name = first.setdefault(mine[at], own[at])
            completed[at] = f"{name}_{mine[at]}" if name in wrong else name
            example = example or str(completed[at])
        for name, i in zip(own, mine, strict=True):
            first.setdefault(i, name)
        names[path] = completed
    return example


def _note_places(twice: dict[str, dict[str, None]], found: Resolved) -> None:
    for path, repeated in twice.items():
        if repeated:
            found.notices.append(
                notice(
                    "info",
                    f"{path}: {len(repeated)} gene names occur more than once "
                    f"({listed(repeated, most=3)}); they were told apart by -1, -2.",
                    "Use Ensembl ids through `gene_column` when these genes matter.",
                )
            )


def _repeated(names: np.ndarray) -> dict[str, None]:
    index = pd.Index(names)
    return dict.fromkeys(index[index.duplicated()].unique())


def _all_equal(lists: dict[str, Any]) -> bool:
    first, *others = lists.values()
    return all(_same(first, other) for other in others)


def _crossing(names: dict[str, np.ndarray], ids: dict[str, np.ndarray | None]) -> set[str]:
    """Names that one file gives to one gene and another file to another gene.

    As after ``var_names_make_unique``, which numbers the genes of a name by their place, and when a
    symbol passed from one gene to another. A gene that has another name in each file, each of them
    its own, is not meant.
    """
    first_name: dict[str, str] = {}
    first_id: dict[str, str] = {}
    found: set[str] = set()
    for path, own in names.items():
        mine: Any = ids[path]
        known = np.array([i in first_name for i in mine], dtype=bool)
        for name, i in zip(own[known], mine[known], strict=True):
            if first_name[i] != name and first_id.get(name, i) != i:
                found |= {name, first_name[i]}
        here = dict(zip(mine, own, strict=True)) if not known.all() else {}
        for name, i in zip(own[~known], mine[~known], strict=True):
            first_name[i] = name
            before = first_id.setdefault(name, i)
            if here.get(before, name) != name:  # the gene of this name is here, called otherwise
                found |= {name, here[before]}
    return found
