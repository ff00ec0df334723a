"""Reader of the folder of a comparison with several targets; it checks what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cgmm._utils.colours import population_colours
from cgmm.results.read import read_json, read_table
from cgmm.tables import OF_TARGETS

FACTS = "targets.json"


@dataclass(frozen=True)
class SharedPopulation:
    """A population of the source or of any target."""

    index: int
    name: str
    colour: str


@dataclass(frozen=True)
class TargetResults:
    """Content of the folder of a comparison with several targets.

    Attributes
    ----------
    folder
        The folder.
    meta
        Content of ``targets.json``.
    tables
        The tables of :data:`cgmm.tables.OF_TARGETS`.
    populations
        The populations, from the most common to the rarest.
    raw
        Content of the files, by name.
    """

    folder: Path
    meta: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    populations: list[SharedPopulation]
    raw: dict[str, bytes]

    @property
    def name(self) -> str:
        """Name of the comparison."""
        return str(self.meta["name"])

    @property
    def source(self) -> str:
        """The source condition."""
        return str(self.meta["source"])

    @property
    def targets(self) -> list[str]:
        """The target conditions, in their order."""
        return [str(target) for target in self.meta["targets"]]

    @property
    def members(self) -> list[str]:
        """Names of the comparisons with single targets."""
        return [str(name) for name in self.meta["members"]]

    @property
    def title(self) -> str:
        """Heading of the report."""
        return str(self.meta.get("title") or f"{self.source} → {', '.join(self.targets)}")

    @property
    def scores(self) -> dict[str, float]:
        """Number of every condition on the scale of the order; empty without an order."""
        found = self.meta.get("scores")
        return {str(k): float(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def rows_of(self, target: str) -> pd.DataFrame:
        """Return the rows of a target in the table of targets, by the name of the population."""
        table = self.tables["targets"]
        return table.loc[table["target"] == target].set_index("name")


def read_target_results(folder: Path) -> TargetResults:
    """Read and check the folder of a comparison with several targets.

    Parameters
    ----------
    folder
        ``results/{name}`` as written by the workflow.

    Raises
    ------
    FileNotFoundError
        When a file is absent.
    ValueError
        When a file is damaged or a column is missing.
    """
    folder = Path(folder)
    path = folder / FACTS
    meta = read_json(path, "run the workflow again")
    needed = ("name", "source", "targets", "members")
    missing = [key for key in needed if not isinstance(meta, dict) or key not in meta]
    if missing:
        msg = f"{path} lacks {missing[0]!r}: delete it and run the workflow again"
        raise ValueError(msg)
    raw: dict[str, bytes] = {}
    tables = {name: read_table(folder, table, raw) for name, table in OF_TARGETS.items()}
    return TargetResults(folder, meta, tables, _populations(tables["targets"]), raw)


def _populations(table: pd.DataFrame) -> list[SharedPopulation]:
    largest = table[["share_source", "share_target"]].max(axis=1).groupby(table["name"]).max()
    names = sorted(largest.index, key=lambda name: (-float(np.nan_to_num(largest[name])), name))
    colours = population_colours(len(names))
    return [SharedPopulation(i, str(name), colours[i]) for i, name in enumerate(names)]
