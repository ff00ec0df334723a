"""The tables of a comparison as Parquet files, with the types of their columns."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cgmm._utils.files import atomic
from cgmm._utils.optional import how_to_install
from cgmm.tables import LONG, TABLES, Table

WRITTEN = (*TABLES.values(), *LONG)


def parquet_name(table: Table) -> str:
    """Return the name of the Parquet file of a table."""
    return f"{table.name}.parquet"


def write_parquet(folder: Path, out: Path) -> list[Path]:
    """Write every table of a comparison as a Parquet file; the numbers are those of the text files.

    Parameters
    ----------
    folder
        ``results/{comparison}``.
    out
        Folder for the files.

    Returns
    -------
    list of Path
        The files. Text is a string, never missing; a whole number or a number that is not there is
        null.

    Raises
    ------
    ModuleNotFoundError
        When pyarrow is not installed.
    """
    arrow, csv, parquet = _arrow()
    made = []
    for table in WRITTEN:
        path = folder / table.file
        if not path.exists():
            continue
        with csv.open_csv(path, parse_options=_tabs(csv)) as reader:
            names = reader.schema.names
        types = {name: getattr(arrow, kind)() for name, kind in _types(table, names)}
        read = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=_tabs(csv),
            convert_options=csv.ConvertOptions(
                column_types=types,
                null_values=["", "nan", "NaN"],
                strings_can_be_null=False,
                true_values=["True"],
                false_values=["False"],
            ),
        )
        made.append(out / parquet_name(table))
        with atomic(made[-1]) as temporary:
            parquet.write_table(_with_whole(read, table, arrow), temporary, compression="zstd")
    return made


def _arrow() -> tuple[Any, Any, Any]:
    try:
        names = ("pyarrow", "pyarrow.csv", "pyarrow.parquet")
        arrow, csv, parquet = (importlib.import_module(name) for name in names)
    except ImportError as error:
        msg = f"Parquet files need pyarrow: {how_to_install('pyarrow')}, or set `parquet: false`."
        raise ModuleNotFoundError(msg) from error
    return arrow, csv, parquet


def _tabs(csv: Any) -> Any:
    return csv.ParseOptions(delimiter="\t", newlines_in_values=True)


def _types(table: Table, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the Arrow type of every column; a column that is not declared is text."""
    # text files write large whole numbers as 1e+06
    kinds = {"text": "string", "whole": "float64", "number": "float64", "flag": "bool_"}
    known = {column.name: kinds[column.kind] for column in table.columns}
    for name in names:
        yield name, known.get(name, "string")


def _with_whole(read: Any, table: Table, arrow: Any) -> Any:
    """Return a table whose whole numbers are integers."""
    for name in table.of_kind("whole"):
        at = read.schema.get_field_index(name)
        if at < 0:
            continue
        values = read.column(at)
        if all(value is None or value.is_integer() for value in values.to_pylist()):
            read = read.set_column(at, name, values.cast(arrow.int64()))
    return read
