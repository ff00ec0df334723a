"""Reader of the results folder of one comparison; it checks what it reads.

The report depends on the files of this folder alone: the tables of :mod:`cgmm.tables`, the cells
(``cells.tsv.gz``) and ``report.json``. Every field is read as text first, and numbers are converted
column by column. A population called "NA" or "1" therefore keeps its name.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cgmm._utils.colours import population_colours
from cgmm._utils.labels import short_names
from cgmm.tables import (
    CELLS,
    CELLS_ONLY,
    DECISIONS,
    GENE_DONORS,
    GENE_SETS,
    OF_OBS,
    TABLES,
    Table,
)

MAX_DRAWN_CELLS = 20_000


@dataclass(frozen=True)
class Population:
    """A source component, a target component, or a pair of both with one name."""

    index: int
    name: str
    source: int | None
    target: int | None
    share_source: float
    share_target: float
    colour: str


@dataclass(frozen=True)
class Results:
    """Content of a results folder, checked."""

    folder: Path
    meta: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    populations: list[Population]
    cells: pd.DataFrame
    n_cells_total: int
    gene_donors: pd.DataFrame
    gene_sets: pd.DataFrame
    raw: dict[str, bytes] = field(repr=False)

    @property
    def source(self) -> str:
        """Name of the source condition."""
        return str(self.meta.get("source", "source"))

    @property
    def target(self) -> str:
        """Name of the target condition."""
        return str(self.meta.get("target", "target"))

    @property
    def name(self) -> str:
        """Name of the comparison."""
        return str(self.meta.get("name", self.folder.name))

    @property
    def title(self) -> str:
        """Heading of the report."""
        return str(self.meta.get("title") or f"{self.source} → {self.target}")

    @property
    def n_cells(self) -> float:
        """Cells of both conditions that were analysed."""
        counts = _block(self.meta, "n_cells")
        values = (counts.get(key) for key in ("source", "target"))
        return float(sum(v for v in values if isinstance(v, int | float)))

    @property
    def annotated(self) -> bool:
        """Whether populations are the labels of an annotation."""
        return bool(self.meta.get("annotated"))

    @property
    def cells_only(self) -> bool:
        """Whether intervals come from drawing cells, because there are no donors."""
        return bool((self.tables["factors"]["interval_from"] == CELLS_ONLY).any())

    @property
    def counts_cells(self) -> bool:
        """Whether origins were counted cell by cell rather than read from the coupling."""
        return bool(_block(self.meta, "reasons").get("origin"))

    @property
    def donor_settings(self) -> dict[str, Any]:
        """The `donors` block of report.json: how intervals over donors were made; may be empty."""
        return _block(self.meta, "donors")

    @property
    def donor_notices(self) -> list[str]:
        """Sentences of :func:`cgmm.tl.donors` about what was left out and what to keep in mind."""
        found = self.donor_settings.get("sentences")
        return [str(s) for s in found if s] if isinstance(found, list) else []

    @property
    def features(self) -> tuple[str, str]:
        """What a feature is called, one and several: gene, or marker in cytometry."""
        cytometry = _block(self.meta, "config").get("modality") == "cytometry"
        return ("marker", "markers") if cytometry else ("gene", "genes")

    @property
    def change_of_genes(self) -> tuple[str, str]:
        """Name of the change of a gene or marker, and the meaning of one unit of it."""
        if _block(self.meta, "config").get("modality") == "cytometry":
            return "change", "in the units of the transformed values"
        return "log2 change", "1 is a doubling"

    def index_of(self, name: str) -> int:
        """Return the position of the population called `name`."""
        return self._by_name[name]

    def has(self, name: str) -> bool:
        """Whether there is a population called `name`."""
        return name in self._by_name

    def short(self, name: str, limit: int) -> str:
        """Return the name of a population, cut to `limit` characters and unlike all others."""
        if limit not in self._short:
            self._short[limit] = short_names([s.name for s in self.populations], limit)
        return self._short[limit].get(name, name)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {s.name: s.index for s in self.populations})

    _by_name: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _short: dict[int, dict[str, str]] = field(init=False, repr=False, default_factory=dict)

    @property
    def fit(self) -> dict[str, Any]:
        """The `fit` block of report.json, or an empty dict."""
        return _block(self.meta, "fit")

    @property
    def has_donors(self) -> bool:
        """Whether donor shares were written."""
        return not self.tables["donors"].empty

    def donors_per_side(self) -> tuple[int, int]:
        """Count the distinct donors in source and target."""
        donors = self.tables["donors"]
        if donors.empty:
            return 0, 0
        sides = donors["side"]
        return (
            int(donors.loc[sides == "source", "donor"].nunique()),
            int(donors.loc[sides == "target", "donor"].nunique()),
        )

    def shared_donors(self) -> list[str]:
        """Donors seen in both conditions, in order of name."""
        donors = self.tables["donors"]
        if donors.empty:
            return []
        sides = donors["side"]
        both = set(donors.loc[sides == "source", "donor"]) & set(
            donors.loc[sides == "target", "donor"]
        )
        return sorted(both)


def each(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows as named tuples."""
    yield from table.itertuples(index=False)


def row_of(table: pd.DataFrame, key: str, column: str = "name") -> dict[str, Any]:
    """Return the first row of `table` whose `column` is `key`, as a dict; empty when none is."""
    found = table.loc[table[column] == key]
    return {} if found.empty else {str(k): v for k, v in found.iloc[0].items()}


def _block(meta: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = meta.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def read_table(folder: Path, table: Table, raw: dict[str, bytes]) -> pd.DataFrame:
    """Read a result table of a folder with the types of its columns.

    Parameters
    ----------
    folder
        The results folder.
    table
        The declaration.
    raw
        Gets the bytes of the file, by its name.

    Raises
    ------
    FileNotFoundError
        When the file is absent and the table is not optional.
    ValueError
        When a column is missing that cannot be done without.
    """
    path = folder / table.file
    if not path.exists():
        if table.optional:
            return _typed(pd.DataFrame(), table)
        msg = (
            f"The results folder {folder} has no {table.file}: run the fit of this comparison again"
        )
        raise FileNotFoundError(msg)
    raw[table.file] = path.read_bytes()
    try:
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame()
    missing = [name for name in table.required if name not in frame.columns]
    if missing and not (frame.empty and table.optional):
        msg = f"{path} lacks the column {missing[0]!r}; it has {', '.join(frame.columns)}"
        raise ValueError(msg)
    return _typed(frame, table)


def _typed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Give a frame of texts the types of a table; a column that it lacks is empty.

    Flags stay the texts "True" and "False", because a flag may be missing.
    """
    columns: dict[str, Any] = {str(name): frame[name].astype(object) for name in frame.columns}
    for name in table.of_kind("whole", "number"):
        if name in columns:
            columns[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
        else:
            columns[name] = np.full(len(frame), np.nan)
    for name in table.of_kind("text", "flag"):
        if name not in columns:
            columns[name] = np.full(len(frame), "", dtype=object)
    return pd.DataFrame(columns)


def _read_cells(folder: Path, raw: dict[str, bytes], limit: int) -> tuple[pd.DataFrame, int]:
    path = folder / CELLS.file
    if not path.exists():
        return pd.DataFrame(), 0
    raw[CELLS.file] = path.read_bytes()
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        cells = pd.read_csv(handle, sep="\t", dtype=str, keep_default_na=False)
    for column in cells.columns:
        if column not in CELLS.of_kind("text") and not column.startswith(OF_OBS):
            cells[column] = pd.to_numeric(cells[column], errors="coerce")
    total = len(cells)
    if total > limit:
        keep = np.sort(np.random.default_rng(0).choice(total, limit, replace=False))
        cells = cells.iloc[keep]
    return cells.reset_index(drop=True), total


def _read_gene_donors(folder: Path, raw: dict[str, bytes]) -> pd.DataFrame:
    """Return the leading genes in every donor; text columns are categorical, for speed."""
    path = folder / GENE_DONORS.file
    if not path.exists():
        return pd.DataFrame({name: [] for name in GENE_DONORS.names})
    raw[GENE_DONORS.file] = path.read_bytes()
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        frame = pd.read_csv(
            handle,
            sep="\t",
            dtype=dict.fromkeys(GENE_DONORS.of_kind("text"), "category") | {"mean": float},
            keep_default_na=False,
            na_values={"mean": [""]},
        )
    missing = [name for name in GENE_DONORS.required if name not in frame.columns]
    if missing:
        msg = f"{path} lacks the column {missing[0]!r}; it has {', '.join(frame.columns)}"
        raise ValueError(msg)
    return frame


def read_json(path: Path, remedy: str) -> Any:
    """Return the content of a JSON file of a results folder.

    Parameters
    ----------
    path
        The file.
    remedy
        What to do where it is absent or damaged, such as "run the workflow again".

    Raises
    ------
    FileNotFoundError, ValueError
        When the file is absent or no JSON; the message ends in the remedy.
    """
    if not path.exists():
        msg = f"The results folder {path.parent} has no {path.name}: {remedy}"
        raise FileNotFoundError(msg)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        msg = f"{path} is not valid JSON ({error}): delete it and {remedy}"
        raise ValueError(msg) from error


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    meta = read_json(path, "run the tables step again")
    if not isinstance(meta, dict):
        msg = f"{path} must hold one JSON object, found {type(meta).__name__}"
        raise ValueError(msg)
    return meta


def populations_of(factors: pd.DataFrame, arrivals: pd.DataFrame) -> list[Population]:
    """Return the populations of two tables, the largest of the source first, with their colours.

    Parameters
    ----------
    factors, arrivals
        The tables of the source and the target populations.

    Raises
    ------
    ValueError
        When a name stands twice in a table.
    """
    source = {n: i for i, n in enumerate(factors["name"])}
    target = {n: i for i, n in enumerate(arrivals["name"])}
    for found, table in ((factors["name"], "factors.tsv"), (arrivals["name"], "arrivals.tsv")):
        twice = found[found.duplicated()]
        if len(twice):
            msg = f"{table}: the name {twice.iloc[0]!r} stands for two components; make it unique"
            raise ValueError(msg)
    share0: dict[str, float] = dict(zip(factors["name"], factors["share_source"], strict=True))
    share1: dict[str, float] = dict(zip(arrivals["name"], arrivals["share_target"], strict=True))

    def size(name: str) -> tuple[bool, float]:
        return name not in source, -float(np.nan_to_num(share0.get(name, share1.get(name, 0.0))))

    names = sorted({*source, *target}, key=lambda n: (*size(n), n))
    colours = population_colours(len(names))
    return [
        Population(
            index=i,
            name=n,
            source=int(factors["component"].iloc[source[n]]) if n in source else None,
            target=int(arrivals["component"].iloc[target[n]]) if n in target else None,
            share_source=float(share0.get(n, np.nan)),
            share_target=float(share1.get(n, np.nan)),
            colour=colours[i],
        )
        for i, n in enumerate(names)
    ]


def _check_names(tables: dict[str, pd.DataFrame], known: set[str]) -> None:
    for table, columns in {
        "transfers": ("source", "target"),
        "shifts": ("source", "target"),
        "genes": ("name",),
        "gene_agreement": ("name",),
        "markers": ("marker_of", "name"),
        "donor_shifts": ("name",),
        "sensitivity": ("name",),
        "influence": ("name",),
    }.items():
        for column in columns:
            unknown = sorted(set(tables[table][column]) - known)
            if unknown:
                msg = (
                    f"{table}.tsv, column {column}: {unknown[0]!r} is not a population of "
                    "factors.tsv or arrivals.tsv; the tables come from different fits"
                )
                raise ValueError(msg)


def _with_title(meta: dict[str, Any], title: str) -> dict[str, Any]:
    """Return the content of report.json with a title, also in the recipe."""
    recipe = _block(meta, "recipe")
    if recipe:
        config = _block(recipe, "config")
        entries = [entry | {"title": title} for entry in config.get("comparisons") or []]
        recipe["config"] = config | {"comparisons": entries}
        meta = meta | {"recipe": recipe}
    return meta | {"title": title}


def read_results(folder: Path, *, title: str | None = None) -> Results:
    """Read and check one results folder.

    Parameters
    ----------
    folder
        ``results/{comparison}`` as written by the workflow.
    title
        Heading of the report, in place of the one of report.json; also written into the recipe.

    Returns
    -------
    Results

    Raises
    ------
    FileNotFoundError
        When ``report.json`` or a table that the report cannot do without is absent.
    ValueError
        When a column is missing or the tables contradict each other.
    """
    folder = Path(folder)
    meta = _read_meta(folder)
    meta = meta if title is None else _with_title(meta, title)
    raw: dict[str, bytes] = {}
    tables = {name: read_table(folder, table, raw) for name, table in TABLES.items()}
    tables[DECISIONS.name] = read_table(folder, DECISIONS, raw)
    if tables["factors"].empty or tables["arrivals"].empty:
        msg = f"{folder}: factors.tsv and arrivals.tsv must each have at least one row"
        raise ValueError(msg)
    tables["donors"] = tables["donors"].loc[tables["donors"]["donor"] != ""]
    populations = populations_of(tables["factors"], tables["arrivals"])
    _check_names(tables, {s.name for s in populations})
    wanted = _block(_block(meta, "config"), "report").get("max_points")
    limit = min(wanted, MAX_DRAWN_CELLS) if isinstance(wanted, int) else MAX_DRAWN_CELLS
    cells, total = _read_cells(folder, raw, limit)
    return Results(
        folder=folder,
        meta=meta,
        tables=tables,
        populations=populations,
        cells=cells,
        n_cells_total=total,
        gene_donors=_read_gene_donors(folder, raw),
        gene_sets=read_table(folder, GENE_SETS, raw),
        raw=raw,
    )
