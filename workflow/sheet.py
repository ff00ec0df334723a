"""The sample sheet: read, filled with defaults, checked."""

from __future__ import annotations

import csv
import difflib
import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from workflow.validation import SettingsError, Validator, read_schema, sentence, with_defaults

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
FCS_SIGNATURE = b"FCS"
USER_BLOCKS = (0, 512, 1024, 2048)  # bytes before the signature of HDF5
ZARR_MARKS = (".zgroup", ".zattrs", "zarr.json")
DEMO_FOLDER = "results/demo/"
MAX_SHEET_BYTES = 20_000_000
MAX_PROBLEMS = 20  # reported about the lines of one sheet

Row = dict[str, str]


def read_sheet(path: Path, further: Collection[str] = ()) -> list[Row]:
    """Read a tab-separated sample sheet; lines that start with ``#`` are left out.

    Parameters
    ----------
    path
        The sheet.
    further
        Columns that the sheet may have besides those of the schema, as text.

    Raises
    ------
    SettingsError
        When the sheet is missing, a column is missing or unknown, or a row does not fit.
    """
    schema = read_schema("samples")
    table = _table_of(path)
    header = [name.strip() for name in table[0]] if table else []
    problems = _problems_of_header(header, schema, path, further)
    own = [name for name in header if name in further and name not in schema["properties"]]
    if not problems and len(table) < 2:
        problems = [f"{path}: lists no sample. Add one row per sample."]
    if problems:
        raise SettingsError(problems)
    rows, validator = [], Validator(schema)
    for number, cells in enumerate(table[1:], start=1):
        if len(cells) > len(header):
            problems.append(
                f"{path}: sample row {number} has {len(cells)} fields but the header {len(header)}."
            )
        values = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        row = with_defaults({k: v for k, v in values.items() if v and k not in own}, schema)
        if row.get("path"):
            row["path"] = str(expanded(row["path"]))
        where = f"{path}, row {number} ({row.get('sample', 'no name')})"
        problems += [sentence(error, where) for error in validator.iter_errors(row)]
        rows.append(row | {name: values.get(name, "") for name in own})
    if problems:
        raise SettingsError(problems)
    return rows


def _table_of(path: Path) -> list[list[str]]:
    """Return the fields of each line of a sheet, without remarks and empty lines."""
    if not is_file(path):
        msg = (
            f"{str(path)[:300]}: the sample sheet does not exist (looked for it from "
            f"{Path.cwd()}). Correct `samples` in the config."
        )
        raise SettingsError([msg])
    try:
        if path.stat().st_size > MAX_SHEET_BYTES:
            msg = f"{path}: larger than {MAX_SHEET_BYTES / 1e6:.0f} MB, so it is no sample sheet."
            raise SettingsError([f"{msg} Correct `samples` in the config."])
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path}: not a text file in UTF-8. Save it as tab-separated text (UTF-8)."
        raise SettingsError([msg]) from error
    except OSError as error:
        msg = f"{path}: the sample sheet cannot be opened ({error.strerror}). Get the right to."
        raise SettingsError([msg]) from error
    table, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            # line by line: an open quote must not swallow the rows below
            fields = next(csv.reader([line], delimiter="\t", strict=True))
        except csv.Error as error:
            problems.append(f"{path}, line {number}: {error}. Remove the quotes from this line.")
            continue
        if any(unicodedata.category(letter) == "Cc" for cell in fields for letter in cell):
            problems.append(f"{path}, line {number}: holds control characters. Type it again.")
        table.append(fields)
    if problems:
        raise SettingsError(problems[:MAX_PROBLEMS])
    return table


def _problems_of_header(
    header: list[str], schema: dict[str, Any], path: Path, further: Collection[str]
) -> list[str]:
    """Return sentences on columns that are missing, unknown or repeated."""
    known = list(schema["properties"])
    problems = []
    words = header[0].replace(",", " ").replace(";", " ").split() if len(header) == 1 else []
    if len(set(words) & set(known)) > 1:
        return [f"{path}: the columns are not separated by tabs. Save it as tab-separated text."]
    for name in header:
        if name not in known and name not in further:
            guess = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
            hint = f"did you mean {guess[0]!r}?" if guess else f"known columns: {', '.join(known)}."
            problems.append(f"{path}: unknown column {name!r}; {hint}")
    lacking = [name for name in schema["required"] if name not in header]
    if lacking:
        names = ", ".join(repr(name) for name in lacking)
        problems.append(f"{path}: the column {names} is missing. Add it to the header.")
    if len(set(header)) < len(header):
        problems.append(f"{path}: a column name occurs twice in the header. Rename or remove one.")
    return problems


def problems_of_sheet(rows: list[Row], sheet: Path) -> Iterator[str]:
    """Yield a sentence per contradiction between rows."""
    for name, n in Counter(row["sample"] for row in rows).items():
        if n > 1:
            yield f"{sheet}: the sample name {name!r} is used {n} times. Rename."
    for row in rows:
        if bool(row["obs_column"]) != bool(row["obs_value"]):
            yield (
                f"{sheet}, sample {row['sample']}: `obs_column` and `obs_value` belong together. "
                "Fill both or neither."
            )
    for dataset, members in grouped(rows, "dataset").items():
        without = [row["sample"] for row in members if not row["donor"]]
        if without and len(without) < len(members):
            yield (
                f"{sheet}: in dataset {dataset!r} some samples have a donor and others do not "
                f"({', '.join(without[:5])}). Fill the column for all of them or for none."
            )
        for path, same in grouped(members, "path").items():
            cells = [(row["obs_column"], row["obs_value"]) for row in same]
            if len(same) > 1 and (("", "") in cells or len(set(cells)) < len(cells)):
                names = ", ".join(row["sample"] for row in same[:5])
                names += f" and {len(same) - 5} more" if len(same) > 5 else ""
                yield (
                    f"{sheet}: the samples {names} name the same cells of {path}. Tell "
                    "them apart by `obs_column` and `obs_value`, or remove all but one."
                )


def problems_of_files(rows: list[Row], sheet: Path) -> Iterator[str]:
    """Yield a sentence per file that is missing or not HDF5; demo files are not checked."""
    for path, same in grouped(rows, "path").items():
        if path.startswith(DEMO_FOLDER) and ".." not in Path(path).parts:
            continue
        where = f"{sheet}, sample {same[0]['sample']}"
        if "{" in path and "}" in path:
            yield (
                f"{where}: the path {path[:300]} has braces, which Snakemake takes for wildcards. "
                "Rename the file or the folder, and correct `path`."
            )
            continue
        file = Path(path)
        if is_data_folder(file):
            continue
        if not is_file(file):
            kind = "is a folder" if os.path.isdir(file) else "does not exist"
            yield f"{where}: the file {path[:300]} {kind} (looked for it from {Path.cwd()})."
            continue
        try:
            start = start_of(file)
        except OSError as error:
            yield f"{where}: the file {path} cannot be opened ({error.strerror})."
            continue
        if not start.startswith(HDF5_SIGNATURE) and not start.startswith(FCS_SIGNATURE):
            yield (
                f"{where}: the file {path} is not an h5ad file (it is not HDF5). "
                "Write it with anndata's `.write_h5ad`."
            )


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file, behind the block that HDF5 leaves to its users (MuData)."""
    with path.open("rb") as stream:
        first = stream.read(len(HDF5_SIGNATURE))
        for place in USER_BLOCKS:
            stream.seek(place)
            if stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
                return HDF5_SIGNATURE
    return first


def is_data_folder(path: Path) -> bool:
    """Return whether a path is a folder that is read: AnnData zarr, or a matrix of 10x."""
    if not os.path.isdir(path):
        return False
    names = os.listdir(path)
    return any(name in ZARR_MARKS or "matrix.mtx" in name for name in names)


def grouped(rows: list[Row], column: str) -> dict[str, list[Row]]:
    """Return the rows by the value of a column, in order of first appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def expanded(path: str) -> Path:
    """Return a path with ``~`` replaced, or unchanged when there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Return whether a path is a file; False for what cannot be a path (too long, not allowed)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
