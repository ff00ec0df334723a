"""What a report carries so that it can be made again, and making it again from the page alone.

A report holds a *recipe*: the config with every default filled in and every seed, the rows of the
sample sheet, the SHA-256 of each file, the versions of all packages and of the code, the command.
It is one JSON object in the page. :func:`extract` writes it as the files that the workflow reads,
after it has found the input files and compared their checksums.

A page may come from anybody. Of it only that JSON object is read; what is written has fixed names
in the folder that was asked for; no file is overwritten; nothing of the page is run.

    python -m cgmm.rerun report.html --to again
    snakemake --directory again --configfile again/config.yaml --cores 2
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cgmm._io import atomic

FORMAT = 1
ELEMENT = "recipe"  # id of the script element of a report that holds it
COLUMNS = ("sample", "path", "condition", "donor", "batch", "dataset", "obs_column", "obs_value")
REQUIRED = ("sample", "path", "condition", "sha256")
FILES = ("config.yaml", "samples.tsv", "requirements.txt")
MADE_BY_THE_WORKFLOW = "results/demo/"
MAX_PAGE = 200_000_000
SOURCES = ("Snakefile", "cgmm", "workflow")
_START = re.compile(rf'<script\b[^<>]{{0,200}}\bid="{ELEMENT}"[^<>]{{0,200}}>', re.IGNORECASE)
# Snakemake runs what stands under other keys (`__use_yte__`)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
DEEPEST = 10
MOST_VALUES = 100_000
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


@dataclass(frozen=True)
class Extracted:
    """What :func:`extract` wrote and found."""

    folder: Path  #: where the files are
    n_checked: int  #: input files whose checksum was compared
    n_made: int  #: input files that the workflow makes itself
    different: list[str]  #: packages, Python and code that are not those of the report, in words


def make_recipe(
    *,
    comparison: Mapping[str, Any],
    settings: Mapping[str, Any],
    samples: Sequence[Mapping[str, str]],
    checked: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect everything that a comparison was made from.

    Parameters
    ----------
    comparison
        Its entry of the config: name, source, target, title, annotation_key, dataset.
    settings
        All other keys of the config, defaults filled in.
    samples
        The rows of its dataset in the order of the sample sheet. All of them, those of other
        conditions too: the cells of a dataset share one space.
    checked
        ``samples`` of what :func:`cgmm.pp.check_samples` returned, which have the checksums.
    about
        More to carry along: the command, the versions of the code.

    Returns
    -------
    dict
        ``format, config, samples, python, platform, packages`` and what `about` holds.
    """
    digests = {row["sample"]: row["sha256"] for row in checked}
    # null means seed 0; the recipe says the number
    fit = {**settings["fit"], "random_state": settings["fit"]["random_state"] or 0}
    entry = {key: value for key, value in comparison.items() if value is not None}
    return {
        "format": FORMAT,
        "config": {"samples": FILES[1], "comparisons": [entry], **settings, "fit": fit},
        "samples": [
            {key: row.get(key, "") for key in COLUMNS} | {"sha256": digests[row["sample"]]}
            for row in samples
        ],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
        **about,
    }


def packages() -> dict[str, str]:
    """Version of every package of this environment, by name."""
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    return dict(sorted((n, v) for n, v in found.items() if n and v))


def code_digest(folder: Path) -> str:
    """SHA-256 over the code of module and workflow, for copies that are not under git."""
    total = hashlib.sha256()
    files = [
        file
        for name in SOURCES
        for file in (folder / name, *(folder / name).rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).digest()
        total.update(file.relative_to(folder).as_posix().encode() + b"\0" + content)
    return total.hexdigest()


def read_recipe(page: Path | str) -> dict[str, Any]:
    """Read the recipe out of a report.

    Parameters
    ----------
    page
        The HTML file.

    Returns
    -------
    dict
        As :func:`make_recipe` made it, its shape checked.

    Raises
    ------
    ValueError
        When the file is not such a report, or says something that cannot be.
    """
    page = Path(page)
    if page.stat().st_size > MAX_PAGE:
        msg = f"{page} is larger than {MAX_PAGE / 1e6:.0f} MB: no report is. Name the HTML file."
        raise ValueError(msg)
    text = page.read_text(encoding="utf-8", errors="replace")
    start = _START.search(text)
    end = text.find("</script", start.end()) if start else -1
    if start is None or end < 0:
        msg = (
            f"{page} holds no recipe: it is not a report of a comparison, or an old one. "
            "Name a report that this version of cgmm made (not index.html)."
        )
        raise ValueError(msg)
    try:
        recipe = json.loads(text[start.end() : end])
    except (ValueError, RecursionError) as error:
        msg = f"The recipe in {page} is damaged ({error}). Use an unchanged copy of the report."
        raise ValueError(msg) from error
    if problem := _problem(recipe):
        msg = f"The recipe in {page} cannot be used: {problem}. Use an unchanged copy."
        raise ValueError(msg)
    return recipe


def _problem(recipe: Any) -> str | None:
    """Say what is wrong with the shape of a recipe."""
    if not isinstance(recipe, dict) or recipe.get("format") != FORMAT:
        return f"it does not have the format {FORMAT}"
    for key, kind in (("config", dict), ("samples", list), ("packages", dict)):
        if not isinstance(recipe.get(key), kind):
            return f"it has no {key}"
    if problem := _problem_of_config(recipe["config"]):
        return problem
    for row in recipe["samples"]:
        if not isinstance(row, dict) or not all(row.get(key) for key in REQUIRED):
            return f"a sample lacks one of {', '.join(REQUIRED)}"
        for key, value in row.items():
            if not isinstance(value, str) or value.splitlines() not in ([], [value]):
                return f"{key} of the sample {row['sample']!r} is not one line of text"
            if "\t" in value or "\0" in value or not _encodable(value):
                return f"{key} of the sample {row['sample']!r} holds a tab, a NUL or half a letter"
    pairs = {(row["path"], row["sha256"]) for row in recipe["samples"]}
    if len(pairs) > len({path for path, _ in pairs}):
        return "a file has two checksums"
    for name, number in recipe["packages"].items():
        if not (_PACKAGE.fullmatch(name) and isinstance(number, str)):
            return f"{name!r} is not the name of a package with its version"
        if not _VERSION.fullmatch(number):
            return f"{number!r} is not a version of {name}"
    return None


def _problem_of_config(config: dict[str, Any]) -> str | None:
    """Say what is wrong with a config: it is written into a file that Snakemake reads."""
    waiting: list[tuple[Any, int]] = [(config, 0)]
    n = 0
    while waiting:
        value, depth = waiting.pop()
        n += 1
        if depth > DEEPEST or n > MOST_VALUES:
            return "its config is larger than that of any report"
        if isinstance(value, dict):
            for key in value:
                if not _KEY.fullmatch(key):
                    return f"its config has the key {key[:80]!r}, which no report has"
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        elif isinstance(value, str) and not _encodable(value):
            return "its config holds half a letter"
    return None


def _encodable(text: str) -> bool:
    """Whether a text has no lone surrogates, which JSON may have and no file."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def extract(
    page: Path | str,
    folder: Path | str,
    *,
    data: Path | str | None = None,
    code: Path | str | None = None,
) -> Extracted:
    """Write config, sample sheet and versions of a report into a folder, to run it again.

    Parameters
    ----------
    page
        The report.
    folder
        Where to write ``config.yaml``, ``samples.tsv`` and ``requirements.txt``; made when it does
        not exist.
    data
        The folder where the input files are now; by default they are looked for where the report
        says, relative paths from the current folder. Below `data` a file is looked for under its
        path, then under its name.
    code
        Folder of the code, to compare with that of the report; by default the one that runs.

    Returns
    -------
    Extracted

    Raises
    ------
    FileExistsError
        When the folder holds one of these files; nothing is overwritten.
    ValueError
        When the page holds no recipe that can be used; when an input file is missing or is not
        the one that the report was made from. Nothing is written then.
    """
    recipe, folder = read_recipe(page), Path(folder)
    for name in FILES:
        if (folder / name).exists():
            msg = f"{folder / name} exists and is not overwritten. Choose another folder."
            raise FileExistsError(msg)
    places = _places(recipe["samples"], None if data is None else Path(data))
    config = {**recipe["config"], "samples": FILES[1]}
    rows = [{**row, "path": places[row["path"]]} for row in recipe["samples"]]
    texts = (
        yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        _sheet(rows),
        "".join(f"{name}=={number}\n" for name, number in recipe["packages"].items()),
    )
    for name, text in zip(FILES, texts, strict=True):
        with atomic(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    made = sum(
        path == place for path, place in places.items() if path.startswith(MADE_BY_THE_WORKFLOW)
    )
    here = Path(__file__).resolve().parents[1] if code is None else Path(code)
    return Extracted(folder, len(places) - made, made, _different(recipe, here))


def _places(rows: Sequence[Mapping[str, str]], data: Path | None) -> dict[str, str]:
    """Where each input file is now, all of them checked."""
    problems, places = [], {}
    for path, digest in {row["path"]: row["sha256"] for row in rows}.items():
        if path.startswith(MADE_BY_THE_WORKFLOW) and ".." not in Path(path).parts:
            places[path] = path
            continue
        tried = [Path(path)] if data is None else [data / path, data / Path(path).name]
        file = next((p for p in tried if os.path.isfile(p)), None)
        if file is None:
            looked = " and ".join(str(p.absolute()) for p in tried)
            problems.append(f"{path} is missing (looked for {looked}): give its folder as --data.")
            continue
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != digest:
            problems.append(
                f"{file} is not the file that the report was made from (SHA-256 {found}, in the "
                f"report {digest}): find the original, and give its folder as --data."
            )
        places[path] = str(file.resolve())
    if problems:
        raise ValueError("\n".join(problems))
    return places


def _sheet(rows: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(
        out, COLUMNS, delimiter="\t", lineterminator="\n", extrasaction="ignore", restval=""
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _different(recipe: Mapping[str, Any], code: Path) -> list[str]:
    """Name what is not as it was: the same stack gives the same bytes, another one does not."""
    here = packages()
    then = recipe["packages"]
    found = [
        f"{name}: {number} in the report, {here.get(name, 'not installed')} here"
        for name, number in then.items()
        if here.get(name) != number
    ]
    if recipe.get("python") != platform.python_version():
        now = platform.python_version()
        found.insert(0, f"Python: {recipe.get('python')} in the report, {now} here")
    if recipe.get("code_sha256") != code_digest(code):
        found.insert(0, f"the code: commit {recipe.get('git_commit')} in the report, not this one")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run :func:`extract` from the command line; 1 when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m cgmm.rerun",
        description="Write what a report was made from into a folder, to run it again.",
    )
    parser.add_argument("report", type=Path, help="the HTML file of a comparison")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--data", type=Path, help="the folder where the input files are now")
    options = parser.parse_args(arguments)
    try:
        done = extract(options.report, options.to, data=options.data)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Nothing was written. {error}\n")
        return 1
    lines = [f"Wrote {', '.join(str(done.folder / name) for name in FILES)}."]
    if done.n_checked:
        lines.append(f"Input files: {done.n_checked} found, their checksums are right.")
    if done.n_made:
        lines.append(f"Demo files: {done.n_made}, the workflow makes them.")
    if done.different:
        lines += ["Not as it was, so the last digits of the tables may differ:"]
        lines += [f"  {words}" for words in done.different]
    target = done.folder
    lines.append(f"Now: snakemake --directory {target} --configfile {target / FILES[0]} --cores 2")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
