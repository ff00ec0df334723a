"""Marker tables: which genes are high or low in which cell type, as the user gives them.

A table has one row per cell type and gene, and the columns ``cell_type``, ``gene`` and, optionally,
``sign``: ``+`` for a gene that is high in the type (also ``1``, ``up`` and an empty field), ``-``
for a gene that is low (also ``-1`` and ``down``). Other columns, such as sources, are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cgmm.genes.text_lines import TextFile
from cgmm.pp._names import spellings
from cgmm.pp._samples import InputError

Markers = str | os.PathLike[str] | pd.DataFrame
CELL_TYPE, GENE, SIGN = "cell_type", "gene", "sign"
SIGNS = {"": 1, "+": 1, "1": 1, "+1": 1, "up": 1, "-": -1, "−": -1, "-1": -1, "down": -1}
MAX_LISTED = 8
MAX_PROBLEMS = 20
TABLE = TextFile(
    kind="marker table",
    path_of="tab-separated marker table",
    what="the marker table",
    key="markers",
    correct="`markers`",
    save="it as tab-separated text",
    max_bytes=20_000_000,
)


@dataclass(frozen=True)
class MarkerTable:
    """Markers of cell types, checked.

    Attributes
    ----------
    cell_types
        Names of the types, in the order of the table.
    signs
        Per type, its genes with 1 (high in the type) or -1 (low).
    notices
        Sentences about rows that are used in another way than they may be meant.
    """

    cell_types: tuple[str, ...]
    signs: tuple[dict[str, int], ...]
    notices: tuple[str, ...] = ()

    @property
    def genes(self) -> list[str]:
        """Every gene of the table once."""
        return list(dict.fromkeys(gene for own in self.signs for gene in own))

    @property
    def rows(self) -> list[list[str]]:
        """The rows: cell type, gene, sign."""
        return [
            [name, gene, "+" if sign > 0 else "-"]
            for name, own in zip(self.cell_types, self.signs, strict=True)
            for gene, sign in own.items()
        ]


@dataclass(frozen=True)
class FoundMarkers:
    """Markers of a table among the genes of data.

    Attributes
    ----------
    cell_types
        Types of which at least one gene with the sign + is in the data.
    signs
        1, -1 or 0, shape (n_types, n_genes).
    notices
        Sentences: those of the table, genes that the data lack, types that cannot be named.
    """

    cell_types: tuple[str, ...]
    signs: np.ndarray
    notices: tuple[str, ...]


def read_marker_table(table: Markers) -> MarkerTable:
    """Read and check a marker table.

    Parameters
    ----------
    table
        Path of a tab-separated file with a header, in which lines that start with ``#`` are left
        out; or a DataFrame with the same columns.

    Raises
    ------
    InputError
        With one sentence per problem, when the table cannot be used.
    TypeError
        When ``table`` is neither a path nor a DataFrame.
    """
    if isinstance(table, pd.DataFrame):
        frame, where = table, "markers"
    elif isinstance(table, str | os.PathLike):
        frame, where = _read(Path(table)), str(table)
    else:
        msg = f"markers must be a path or a DataFrame, not {type(table).__name__}."
        raise TypeError(msg)
    _check_columns(frame, where)
    return _checked(frame, where)


def find_markers(
    table: MarkerTable,
    genes: Sequence[str] | np.ndarray,
    *,
    other_names: Mapping[str, Sequence[str]] | None = None,
) -> FoundMarkers:
    """Find the genes of a marker table in data.

    A gene is looked up by its name; then in another spelling (case, prefix of a genome, version of
    an Ensembl id, marks); then in other names of the genes, such as symbols beside Ensembl ids.

    Parameters
    ----------
    table
        The table.
    genes
        Names of the genes of the data, length n_genes.
    other_names
        Further names of the same genes, by the column they are from.

    Raises
    ------
    InputError
        When the data have none of the genes.
    """
    place = places_of(table.genes, [genes, *(other_names or {}).values()])
    signs = np.zeros((len(table.cell_types), len(genes)))
    for row, own in enumerate(table.signs):
        for gene, sign in own.items():
            if gene in place:
                signs[row, place[gene]] = sign
    lacking = [gene for gene in table.genes if gene not in place]
    known: np.ndarray = np.any(signs > 0, axis=1)
    if not known.any():
        msg = (
            f"None of the genes of the marker table ({some(table.genes)}) is in the data, whose "
            f"genes are called {some(list(genes), 3)}: write the table with the names of the data."
        )
        raise InputError(msg)
    notices = list(table.notices)
    if lacking:
        notices.append(
            f"{len(lacking)} of the {len(table.genes)} genes of the marker table are not in the "
            f"data and are left out: {some(lacking)}."
        )
    if absent := [name for name, there in zip(table.cell_types, known, strict=True) if not there]:
        notices.append(
            f"The data have no gene that marks {some(absent)} in the marker table, so nothing is "
            "named so."
        )
    types = tuple(name for name, there in zip(table.cell_types, known, strict=True) if there)
    return FoundMarkers(types, signs[known], tuple(notices))


def other_gene_names(var: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns of ``var`` with text, which may hold other names of the genes."""
    found = {}
    for column in dict.fromkeys(var.columns):
        values = var[column]
        if isinstance(values, pd.Series):
            texts = values.astype(object)
            if pd.api.types.infer_dtype(texts, skipna=True) == "string":
                found[str(column)] = ["" if pd.isna(value) else str(value) for value in texts]
    return found


def _read(path: Path) -> pd.DataFrame:
    """Return the fields of a file as text."""
    rows = [
        line.split("\t") for line in TABLE.lines(path) if line.strip() and not line.startswith("#")
    ]
    if not rows:
        msg = f"{path}: the marker table is empty. Write one row per cell type and gene."
        raise InputError(msg)
    header = [name.strip().strip('"') for name in rows[0]]
    if len(header) == 1 and any(mark in header[0] for mark in ",;"):
        msg = f"{path}: the columns are not separated by tabs. Save it as tab-separated text."
        raise InputError(msg)
    fields = [[cell.strip().strip('"') for cell in row] + [""] * len(header) for row in rows[1:]]
    whole = [row[: len(header)] for row in fields]
    return pd.DataFrame(whole, columns=pd.Index(header), dtype=object)


def _check_columns(frame: pd.DataFrame, where: str) -> None:
    """Raise when a column is missing or repeated, or when there is no row."""
    names = [str(name) for name in frame.columns]
    problems = [
        f"{where}: the column {name!r} is missing (columns: {some(names)}). Add it to the header."
        for name in (CELL_TYPE, GENE)
        if name not in names
    ]
    problems += [
        f"{where}: the column {name!r} occurs twice. Rename or remove one."
        for name in (CELL_TYPE, GENE, SIGN)
        if names.count(name) > 1
    ]
    if not problems and frame.empty:
        problems = [f"{where}: the marker table is empty. Write one row per cell type and gene."]
    if problems:
        raise InputError(problems)


def _checked(frame: pd.DataFrame, where: str) -> MarkerTable:
    """Return the table of a frame that has the columns."""
    signs: dict[str, dict[str, int]] = {}
    problems: list[str] = []
    n_repeated = 0
    given = frame[SIGN] if SIGN in frame.columns else [""] * len(frame)
    for number, cells in enumerate(zip(frame[CELL_TYPE], frame[GENE], given, strict=True), start=1):
        name, gene, sign = (" ".join(_text(cell).split()) for cell in cells)
        row = f"{where}, row {number}"
        if not name or not gene:
            problems.append(f"{row}: {GENE if name else CELL_TYPE} is empty. Fill it.")
            continue
        if sign.lower() not in SIGNS:
            problems.append(f"{row}: the sign {sign[:100]!r} is neither + nor -. Correct it.")
            continue
        own, value = signs.setdefault(name, {}), SIGNS[sign.lower()]
        n_repeated += gene in own
        if own.setdefault(gene, value) != value:
            problems.append(f"{row}: {gene} has both signs in {name!r}. Remove one of the rows.")
    if problems:
        raise InputError(problems[:MAX_PROBLEMS])
    if lacking := [name for name, own in signs.items() if 1 not in own.values()]:
        msg = f"{where}: {some(lacking)} has no gene with the sign +. Add one, or remove the type."
        raise InputError(msg)
    notices = []
    if n_repeated:
        notices.append(
            f"{where}: rows that repeat a gene of the same type ({n_repeated}) count once."
        )
    if len(signs) == 1:
        notices.append(
            f"{where}: the table has one cell type only, so no other type can be told from it. Add "
            "the types that the data may hold."
        )
    return MarkerTable(tuple(signs), tuple(signs.values()), tuple(notices))


def places_of(wanted: list[str], names: Sequence[Sequence[str] | np.ndarray]) -> dict[str, int]:
    """Return where each wanted gene is among the genes, by the first names that have it."""
    found: dict[str, int] = {}
    for own in names:
        texts = [str(name) for name in own]
        for spelt, asked in ((texts, wanted), (spellings(texts), spellings(wanted))):
            first = {name: i for i, name in reversed(list(enumerate(spelt))) if name}
            for gene, name in zip(wanted, asked, strict=True):
                if name in first:
                    found.setdefault(gene, first[name])
    return found


def _text(value: object) -> str:
    """Return a field as text; a whole number as "1", a missing value as ""."""
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def some(names: Iterable[str], limit: int = MAX_LISTED) -> str:
    """Return the first names with commas between them, and how many more there are."""
    texts = [str(name)[:100] for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
