"""Config and sample sheet: read, fill with defaults, check, in plain Python.

Everything that can be known without opening a data file is checked here, when the workflow is
parsed, and reported as one list of sentences.
"""

from __future__ import annotations

import ast
import csv
import difflib
import functools
import hashlib
import math
import os
import reprlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

SCHEMAS = Path(__file__).parent / "schemas"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
FCS_SIGNATURE = b"FCS"
ZARR_MARKS = (".zgroup", ".zattrs", "zarr.json")
DEMO_FOLDER = "results/demo/"
WRITTEN = (".", "results", "reports", "logs", ".snakemake")
WRITERS = ("cgmm/_utils/files.py",)  # they write what they are given, whatever made it

MOST_VALUES = 100_000
DEEPEST = 20
LARGEST_SHEET = 20_000_000  # bytes

Row = dict[str, str]

# jsonschema takes 30.0 for a whole number, which the code behind it does not
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class SettingsError(ValueError):
    """Config or sample sheet cannot be used; ``problems`` holds one sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(["", *(f"  * {p}" for p in self.problems), ""]))


def load(
    config: dict[str, Any], *, files_are_here: bool = True
) -> tuple[dict[str, Any], list[Row]]:
    """Fill and check a config and the sample sheet that it names.

    Parameters
    ----------
    config
        The config as given; not changed.
    files_are_here
        Whether the samples lie on this machine; when they lie in an object storage, Snakemake
        finds out which are missing.

    Returns
    -------
    The config with every default filled in and each comparison's ``dataset``; the rows of the
    sample sheet with every column.

    Raises
    ------
    SettingsError
        With one sentence per problem.
    """
    if problem := problem_of_values(config):
        raise SettingsError([problem])
    schema = read_schema("config")
    full = with_defaults(config, schema)
    if problems := [sentence(e, "config") for e in Validator(schema).iter_errors(full)]:
        raise SettingsError(problems)
    sheet = expanded(full["samples"])
    rows = read_sheet(sheet)
    problems = [*problems_of_sheet(rows, sheet), *problems_of_comparisons(full, rows)]
    if files_are_here:
        problems += [*problems_of_files(rows, sheet), *problems_of_folders()]
    if full["integrate"] == "harmony" and full["use_rep"] is not None:
        problems.append(
            "config: `integrate: harmony` has no effect on an embedding that is given as "
            "`use_rep`. Set one of the two to its default."
        )
    if full["integrate"] == "harmony" and any(not row["batch"] for row in rows):
        problems.append(
            f"config: `integrate: harmony` needs the column `batch` of {sheet} filled in for every "
            "sample. Fill it, or set `integrate: none`."
        )
    if problems:
        raise SettingsError(problems)
    return full, rows


def problem_of_values(config: Any) -> str | None:
    """Say what no schema can: too many values (YAML aliases multiply them), NaN, odd keys."""
    if not isinstance(config, dict):
        if config is None:
            return "config: it is empty. Leave it out, or see config/README.md for what it holds."
        return f"config: it is {short(config)}, not a list of `key: value`. See config/README.md."
    waiting: list[tuple[Any, int]] = [(config, 0)]
    n = 0
    while waiting:
        value, depth = waiting.pop()
        n += 1
        if depth > DEEPEST or n > MOST_VALUES:
            return (
                f"config: it has more than {MOST_VALUES:,} values, or they lie more than {DEEPEST} "
                "levels deep. Write it without YAML aliases (`&`, `*`)."
            )
        if isinstance(value, dict):
            if odd := [key for key in value if not isinstance(key, str)]:
                return (
                    f"config: the key {short(odd[0])} is not text. Put it in quotes or remove it."
                )
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        elif isinstance(value, float) and not math.isfinite(value):
            return f"config: a value is {value}, which is not a finite number. Correct it."
    return None


def problem_of_encoding(path: Path) -> str | None:
    """Say that a config is not in UTF-8; None when it is, or is not there."""
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"{path}: not a text file in UTF-8. Save it as text in UTF-8."
    except OSError:
        return None
    return None


def short(value: Any) -> str:
    """Write a value for a sentence, cut when it is long."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 80
    return shortener.repr(value)


def expanded(path: str) -> Path:
    """Path with ``~`` replaced, as it is when there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether a path is a file; False for what cannot be a path (too long, not allowed)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_schema(name: str) -> dict[str, Any]:
    """Read ``schemas/{name}.schema.yaml``."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Copy a value with the defaults of its schema filled in, at every depth."""
    value = deepcopy(value)
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if key not in value and "default" in part:
                value[key] = deepcopy(part["default"])
            if key in value:
                value[key] = with_defaults(value[key], part)
    elif isinstance(value, list) and "items" in schema:
        value = [with_defaults(item, schema["items"]) for item in value]
    return value


def sentence(error: ValidationError, where: str) -> str:
    """One schema violation as a sentence."""
    at = ".".join(str(part) for part in error.absolute_path)
    named = f"{where}: `{at}`" if at else f"{where}:"
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = [key for key in error.instance if key not in known]
        guess = difflib.get_close_matches(str(unknown[0]), known, n=1, cutoff=0.6)
        hint = f"did you mean `{guess[0]}`?" if guess else f"known keys: {', '.join(known)}."
        keys = ", ".join(f"`{key[:80]}`" for key in unknown[:10])
        inside = f" in `{at}`" if at else ""
        return f"{where}: unknown key {keys}{inside}; {hint}"
    if error.validator == "required":
        lacking = [key for key in error.schema["required"] if key not in error.instance]
        return f"{named} lacks {', '.join(f'`{key}`' for key in lacking)}. Add it."
    if error.validator == "pattern":
        return (
            f"{named} is {short(error.instance)}: use letters, digits, `_`, `-` and `.` only "
            "(it becomes part of file names)."
        )
    if error.validator == "enum":
        allowed = ", ".join(str(v) for v in error.validator_value)
        return f"{named} is {short(error.instance)}; choose one of: {allowed}."
    if error.validator in ("type", "anyOf"):
        about = error.schema.get("description", "see config/README.md")
        text = "string" in str(error.validator_value) and not isinstance(
            error.instance, dict | list | None
        )
        quotes = " Put it in quotes, so that YAML takes it for text." if text else ""
        return f"{named} is {short(error.instance)}, which does not fit: {about}{quotes}"
    if error.validator in ("maxLength", "minLength"):
        limit = "at most" if error.validator == "maxLength" else "at least"
        return f"{named} must have {limit} {error.validator_value} characters. Correct it."
    return f"{named}: {error.message}. Correct it."


def read_sheet(path: Path) -> list[Row]:
    """Read a tab-separated sample sheet; lines that start with ``#`` are left out.

    Raises
    ------
    SettingsError
        When the sheet is missing, a column is missing or unknown, or a row does not fit.
    """
    schema = read_schema("samples")
    table = _table_of(path)
    header = [name.strip() for name in table[0]] if table else []
    problems = _problems_of_header(header, schema, path)
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
        row = with_defaults({k: v for k, v in values.items() if v}, schema)
        if row.get("path"):
            row["path"] = str(expanded(row["path"]))
        where = f"{path}, row {number} ({row.get('sample', 'no name')})"
        problems += [sentence(error, where) for error in validator.iter_errors(row)]
        rows.append(row)
    if problems:
        raise SettingsError(problems)
    return rows


def _table_of(path: Path) -> list[list[str]]:
    """Fields of the lines of a sheet, without remarks and empty lines."""
    if not is_file(path):
        msg = (
            f"{str(path)[:300]}: the sample sheet does not exist (looked for it from "
            f"{Path.cwd()}). Correct `samples` in the config."
        )
        raise SettingsError([msg])
    try:
        if path.stat().st_size > LARGEST_SHEET:
            msg = f"{path}: larger than {LARGEST_SHEET / 1e6:.0f} MB, so it is no sample sheet."
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
        raise SettingsError(problems[:20])
    return table


def _problems_of_header(header: list[str], schema: dict[str, Any], path: Path) -> list[str]:
    """Sentences about columns that are missing, unknown or there twice."""
    known = list(schema["properties"])
    problems = []
    words = header[0].replace(",", " ").replace(";", " ").split() if len(header) == 1 else []
    if len(set(words) & set(known)) > 1:
        return [f"{path}: the columns are not separated by tabs. Save it as tab-separated text."]
    for name in header:
        if name not in known:
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
    """Rows that contradict each other."""
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


def problems_of_comparisons(config: dict[str, Any], rows: list[Row]) -> Iterator[str]:
    """Comparisons that the samples cannot answer; sets each one's ``dataset``."""
    sheet = config["samples"]
    datasets = grouped(rows, "dataset")
    conditions = {name: {row["condition"] for row in part} for name, part in datasets.items()}
    everywhere = sorted(set().union(*conditions.values()))
    names = [comparison["name"].lower() for comparison in config["comparisons"]]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        yield f"config: two comparisons are called {name!r} (case does not count). Rename one."
    for comparison in config["comparisons"]:
        name, ends = comparison["name"], (comparison["source"], comparison["target"])
        if name == "index":
            yield "config: a comparison cannot be called 'index', the list of all reports is."
        if ends[0] == ends[1]:
            yield f"config, comparison {name}: source and target are both {ends[0]!r}. Change one."
            continue
        absent = [end for end in ends if end not in everywhere]
        if absent:
            guess = difflib.get_close_matches(absent[0].strip().lower(), everywhere, n=1)
            hint = f" Did you mean {guess[0]!r}?" if guess else ""
            yield (
                f"config, comparison {name}: no sample of {sheet} has the condition "
                f"{' or '.join(repr(end) for end in absent)} (conditions: {', '.join(everywhere)})."
                f"{hint} Correct the comparison or the sample sheet."
            )
            continue
        asked = comparison["dataset"]
        if asked is not None and asked not in datasets:
            known = ", ".join(datasets)
            yield f"config, comparison {name}: there is no dataset {asked!r} (datasets: {known})."
            continue
        holding = [
            dataset
            for dataset, there in conditions.items()
            if there.issuperset(ends) and asked in (None, dataset)
        ]
        if not holding:
            yield (
                f"config, comparison {name}: {ends[0]!r} and {ends[1]!r} are never in one dataset. "
                f"Give their samples the same `dataset` in {sheet}."
            )
        elif len(holding) > 1:
            yield (
                f"config, comparison {name}: the datasets {', '.join(holding)} all hold both "
                "conditions. Say which one is meant: add `dataset:` to the comparison."
            )
        else:
            comparison["dataset"] = holding[0]


def problems_of_files(rows: list[Row], sheet: Path) -> Iterator[str]:
    """Files that are missing or no HDF5; those that the demo makes are left out."""
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
            with file.open("rb") as stream:
                start = stream.read(len(HDF5_SIGNATURE))
        except OSError as error:
            yield f"{where}: the file {path} cannot be opened ({error.strerror})."
            continue
        if start != HDF5_SIGNATURE and not start.startswith(FCS_SIGNATURE):
            yield (
                f"{where}: the file {path} is not an h5ad file (it is not HDF5). "
                "Write it with anndata's `.write_h5ad`."
            )


def is_data_folder(path: Path) -> bool:
    """Whether a path is a folder of a format that is read: AnnData zarr, or a matrix of 10x."""
    if not os.path.isdir(path):
        return False
    names = os.listdir(path)
    return any(name in ZARR_MARKS or "matrix.mtx" in name for name in names)


def problems_of_folders() -> Iterator[str]:
    """Folders of the output that cannot be written to."""
    for name in WRITTEN:
        if Path(name).is_dir() and not os.access(name, os.W_OK | os.X_OK):
            yield (
                f"The folder {Path(name).resolve()} cannot be written to (no right to, or the "
                "disk is read-only). Get the right to, or run elsewhere with `--directory`."
            )


def grouped(rows: list[Row], column: str) -> dict[str, list[Row]]:
    """Rows by the value of a column, in order of first appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def digest(root: Path, *starts: str) -> str:
    """Fingerprint of modules of cgmm and of all that they import, directly or not.

    Comments and layout do not count. Files of a package that are not Python (templates, styles)
    count as they are.

    Parameters
    ----------
    root
        The folder that holds ``cgmm``.
    *starts
        Dotted names, such as ``cgmm.tl``.

    Returns
    -------
    str
        The first 16 digits of a SHA-256.
    """
    found: dict[Path, None] = {}
    waiting = [file for start in starts for file in _files(root, start)]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        if file.suffix == ".py" and file.relative_to(root).as_posix() not in WRITERS:
            waiting += [f for name in _imports(file, root) for f in _files(root, name)]
    total = hashlib.sha256()
    for file in sorted(found):
        total.update(file.relative_to(root).as_posix().encode() + b"\0" + _content(file) + b"\0")
    return total.hexdigest()[:16]


@functools.cache
def _parsed(source: bytes) -> tuple[bytes, tuple[ast.Import | ast.ImportFrom, ...]]:
    """Hash of the syntax tree and its import statements; several rules share most files."""
    tree = ast.parse(source)
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return hashlib.sha256(ast.dump(tree).encode()).digest(), tuple(imports)


def _content(file: Path) -> bytes:
    """Return what counts of a file: its syntax tree, or its bytes when it is not Python."""
    content = file.read_bytes()
    return _parsed(content)[0] if file.suffix == ".py" else content


def _files(root: Path, name: str) -> list[Path]:
    """Files of a module, or of a package with all that lies in it; none when it is neither."""
    path = root.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    if name == "cgmm" or not path.is_dir():
        return []
    return [f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts]


def _imports(file: Path, root: Path) -> Iterator[str]:
    """Dotted names that a file may import from cgmm."""
    package = file.parent.relative_to(root).parts
    for node in _parsed(file.read_bytes())[1]:
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("cgmm."))
        else:
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module == "cgmm" or module.startswith("cgmm."):
                yield module
                yield from (f"{module}.{a.name}" for a in node.names)
