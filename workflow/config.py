"""The config: filled with defaults and checked, together with the sample sheet that it names.

Snakemake runs this when it reads the workflow. It checks everything that can be checked without
opening a data file, and reports all problems as one list of sentences.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cgmm._utils.nested import MAX_DEPTH, MAX_VALUES, TooManyValuesError, nested_values
from cgmm._utils.optional import how_to_install
from workflow.design import columns_of_design, problems_of_design
from workflow.sheet import (
    Row,
    expanded,
    grouped,
    is_file,
    problems_of_files,
    problems_of_sheet,
    read_sheet,
)
from workflow.targets import (
    columns_of_orders,
    conditions_of,
    expanded_targets,
    member_names,
    problems_of_entries,
    problems_of_order,
)
from workflow.validation import (
    SettingsError,
    Validator,
    read_schema,
    sentence,
    short,
    with_defaults,
)

WRITTEN = (".", "results", "reports", "logs", ".snakemake")


def load(
    config: dict[str, Any], *, files_are_here: bool = True, packages_are_here: bool = True
) -> tuple[dict[str, Any], list[Row]]:
    """Fill and check a config and the sample sheet that it names.

    Parameters
    ----------
    config
        The config as given; not changed.
    files_are_here
        Whether the samples lie on this machine; when they lie in an object storage, Snakemake
        finds out which are missing.
    packages_are_here
        Whether jobs run with the packages of this process, not in environments of their own.

    Returns
    -------
    The config with every default filled in, the ``dataset`` of each comparison, and 0 for a seed
    that is null; and the rows of the sample sheet with every column. A comparison with several
    targets becomes one comparison per target, and an entry of ``families``.

    Raises
    ------
    SettingsError
        With one sentence per problem.
    """
    check_values(config)
    schema = read_schema("config")
    full = with_defaults(config, schema)
    if problems := [sentence(e, "config") for e in Validator(schema).iter_errors(full)]:
        raise SettingsError(problems)
    if problems := list(problems_of_entries(full)):
        raise SettingsError(problems)
    sheet = expanded(full["samples"])
    rows = read_sheet(sheet, columns_of_design(full) | columns_of_orders(full))
    for owner in (full, *full["comparisons"]):
        owner["markers"] = owner["markers"] and str(expanded(owner["markers"]))
    full["gene_sets"] = full["gene_sets"] and str(expanded(full["gene_sets"]))
    problems = [*problems_of_sheet(rows, sheet), *problems_of_comparisons(full, rows)]
    full["families"] = []
    if not problems:
        for comparison in full["comparisons"]:
            problems += problems_of_order(comparison, rows, full["samples"])
        full["comparisons"], full["families"] = expanded_targets(full["comparisons"])
        problems += problems_of_design(full, rows)
    if files_are_here:
        problems += [*problems_of_files(rows, sheet), *problems_of_folders()]
        problems += problems_of_given_files(full)
    if full["parquet"] and packages_are_here and find_spec("pyarrow") is None:
        problems.append(
            "config: `parquet: true` needs pyarrow, which is not installed. Run "
            f"`{how_to_install('pyarrow')}`, or set `parquet: false`."
        )
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
    full["fit"]["random_state"] = full["fit"]["random_state"] or 0
    return full, rows


def check_values(config: Any) -> None:
    """Refuse what schemas do not check: too many values, numbers that are not finite, unusual keys.

    Raises
    ------
    SettingsError
        With one sentence.
    """
    if problem := _problem(config):
        raise SettingsError([problem])


def _problem(config: Any) -> str | None:
    if config is None:
        return "config: it is empty. Leave it out, or see config/README.md for what it holds."
    if not isinstance(config, dict):
        return f"config: it is {short(config)}, not a list of `key: value`. See config/README.md."
    try:
        for value in nested_values(config):
            keys = value if isinstance(value, dict) else ()
            for key in keys:
                if not isinstance(key, str):
                    return (
                        f"config: the key {short(key)} is not text. Put it in quotes or remove it."
                    )
            if isinstance(value, float) and not math.isfinite(value):
                return f"config: a value is {value}, which is not a finite number. Correct it."
    except TooManyValuesError:
        return (
            f"config: it has more than {MAX_VALUES:,} values, or they lie more than {MAX_DEPTH} "
            "levels deep. Write it without YAML aliases (`&`, `*`)."
        )
    return None


def check_encoding(path: Path) -> None:
    """Refuse a config that is not in UTF-8; a missing config is not refused here.

    Raises
    ------
    SettingsError
        With one sentence.
    """
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path}: not a text file in UTF-8. Save it as text in UTF-8."
        raise SettingsError([msg]) from error
    except OSError:
        return


def problems_of_comparisons(config: dict[str, Any], rows: list[Row]) -> Iterator[str]:
    """Yield a sentence per problem of a comparison; set the ``dataset`` of each comparison."""
    sheet = config["samples"]
    datasets = grouped(rows, "dataset")
    conditions = {name: {row["condition"] for row in part} for name, part in datasets.items()}
    everywhere = sorted(set().union(*conditions.values()))
    names = [
        name.lower()
        for comparison in config["comparisons"]
        for name in (
            comparison["name"],
            *member_names(comparison["name"], comparison["targets"] or []),
        )
    ]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        yield f"config: two comparisons are called {name!r} (case does not count). Rename one."
    for comparison in config["comparisons"]:
        name, ends = comparison["name"], conditions_of(comparison)
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
                f"config, comparison {name}: {' and '.join(map(repr, ends))} are never in one "
                f"dataset. Give their samples the same `dataset` in {sheet}."
            )
        elif len(holding) > 1:
            yield (
                f"config, comparison {name}: the datasets {', '.join(holding)} all hold "
                f"{'both' if len(ends) == 2 else 'all of these'} conditions. Say which one is "
                "meant: add `dataset:` to the comparison."
            )
        else:
            comparison["dataset"] = holding[0]


def problems_of_given_files(config: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence per marker table, or file of gene sets, that is missing."""
    table = ("markers", "the marker table")
    given = [("config", config["markers"], *table)]
    given += [
        (f"config, comparison {one['name']}", one["markers"], *table)
        for one in config["comparisons"]
    ]
    given.append(("config", config["gene_sets"], "gene_sets", "the file of gene sets"))
    for where, path, key, what in given:
        if path is None:
            continue
        if "{" in path and "}" in path:
            yield (
                f"{where}: the path {path[:300]} of `{key}` has braces, which Snakemake takes "
                "for wildcards. Rename the file or the folder."
            )
        elif not is_file(Path(path)):
            yield (
                f"{where}: {what} {path[:300]} does not exist (looked for it from "
                f"{Path.cwd()}). Correct `{key}`, or leave it out."
            )


def problems_of_folders() -> Iterator[str]:
    """Yield a sentence per output folder that cannot be written to."""
    for name in WRITTEN:
        if Path(name).is_dir() and not os.access(name, os.W_OK | os.X_OK):
            yield (
                f"The folder {Path(name).resolve()} cannot be written to (no right to, or the "
                "disk is read-only). Get the right to, or run elsewhere with `--directory`."
            )
