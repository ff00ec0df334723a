"""The recipe of a report: everything that a comparison was made from.

:func:`make_recipe` collects it. The report holds it as one JSON object. :func:`read_recipe` reads
it from a report and checks it, because a report may come from an untrusted source.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cgmm._utils.nested import TooManyValuesError, nested_values

FORMAT = 1
ELEMENT = "recipe"  # id of the script element of a report that holds the recipe
COLUMNS = ("sample", "path", "condition", "donor", "batch", "dataset", "obs_column", "obs_value")
REQUIRED = ("sample", "path", "condition", "sha256")
FILES = ("config.yaml", "samples.tsv", "requirements.txt")
MARKERS = "markers.tsv"
MARKER_COLUMNS = ("cell_type", "gene", "sign")
MADE_BY_THE_WORKFLOW = "results/demo/"
MAX_PAGE = 200_000_000
# the distribution of this package, and another project of the same import name
NOT_REQUIRED = ("coupled-gmm", "cgmm")
SOURCES = ("cgmm", "workflow")
_START = re.compile(rf'<script\b[^<>]{{0,200}}\bid="{ELEMENT}"[^<>]{{0,200}}>', re.IGNORECASE)
# Snakemake runs code from a config with other keys, for instance `__use_yte__`
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}\+?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


def make_recipe(
    *,
    comparison: Mapping[str, Any],
    settings: Mapping[str, Any],
    samples: Sequence[Mapping[str, str]],
    checked: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    markers: Sequence[Sequence[str]] | None = None,
    gene_sets: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Collect everything that a comparison was made from.

    Parameters
    ----------
    comparison
        The entry of the config: name, source, target, title, annotation_key, dataset.
    settings
        All other keys of the config, defaults filled in.
    samples
        All rows of the dataset in the order of the sample sheet. The recipe includes rows of other
        conditions, because the representation is computed from all cells of a dataset.
    checked
        The entry ``samples`` of :func:`cgmm.pp.check_samples`, with the checksums.
    about
        Further entries: the command, the commit and the checksum of the code.
    markers
        Rows of the marker table: cell type, gene, sign. None: there is no table.
    gene_sets
        Path and sha256 of the file of gene sets, which is not carried: it may be large. None: there
        is none.

    Returns
    -------
    dict
        The entries format, config, samples, python, platform, packages, markers and gene_sets (when
        there are such files), and the entries of ``about``.
    """
    digests = {row["sample"]: row["sha256"] for row in checked}
    entry = {key: value for key, value in comparison.items() if value is not None}
    table: dict[str, Any] = {}
    if markers is not None:
        entry["markers"] = MARKERS
        table["markers"] = [list(row) for row in markers]
    sets: dict[str, Any] = {}
    if gene_sets is not None:
        table["gene_sets"] = {key: gene_sets[key] for key in ("path", "sha256")}
        sets["gene_sets"] = gene_sets["path"]
    return {
        "format": FORMAT,
        "config": {"samples": FILES[1], "comparisons": [entry], **settings, **sets},
        "samples": [
            {key: row.get(key, "") for key in (*COLUMNS, *row)} | {"sha256": digests[row["sample"]]}
            for row in samples
        ],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
        **table,
        **about,
    }


def packages() -> dict[str, str]:
    """Return the version of every package of this environment, by name.

    cgmm itself is left out: a recipe names its code by commit and checksum. No version of it is
    taken from a registry, where the name belongs to another project.
    """
    found = dict(map(_name_and_version, importlib.metadata.distributions()))
    return without_cgmm({n: v for n, v in sorted(found.items()) if n and v})


def _name_and_version(package: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return both from the head of the metadata, because parsing the rest takes a second."""
    text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    fields = dict(
        re.findall(r"^(Name|Version): *(.*?) *$", text.partition("\n\n")[0], re.MULTILINE)
    )
    return fields.get("Name", ""), fields.get("Version", "")


def without_cgmm(packages: Mapping[str, str]) -> dict[str, str]:
    """Return packages and their versions without cgmm, under whichever name it is listed."""
    return {
        name: number
        for name, number in packages.items()
        if re.sub(r"[-_.]+", "-", name).lower() not in NOT_REQUIRED
    }


def code_digest(folder: Path) -> str:
    """Return the SHA-256 of the code of package and workflow, for copies without git."""
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
        As :func:`make_recipe` made it; its shape was checked.

    Raises
    ------
    ValueError
        When the file is not the report of a comparison, or its recipe cannot be used.
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
    if fault := fault_of(recipe):
        msg = f"The recipe in {page} cannot be used: {fault}. Use an unchanged copy."
        raise ValueError(msg)
    return recipe


def fault_of(recipe: Any) -> str | None:
    """Return what is wrong with the shape of a recipe, as part of a sentence."""
    if not isinstance(recipe, dict) or recipe.get("format") != FORMAT:
        return f"it does not have the format {FORMAT}"
    for key, kind in (("config", dict), ("samples", list), ("packages", dict)):
        if not isinstance(recipe.get(key), kind):
            return f"it has no {key}"
    if fault := _fault_of_config(recipe["config"]):
        return fault
    if fault := _fault_of_markers(recipe.get("markers", [])):
        return fault
    if fault := _fault_of_gene_sets(recipe.get("gene_sets")):
        return fault
    for row in recipe["samples"]:
        if not isinstance(row, dict) or not all(row.get(key) for key in REQUIRED):
            return f"a sample lacks one of {', '.join(REQUIRED)}"
        if fault := next((key for key in row if not key.isprintable()), None):
            return f"a sample has the column {fault!r}, which no sample sheet has"
        for key, value in row.items():
            if not isinstance(value, str) or value.splitlines() not in ([], [value]):
                return f"{key} of the sample {row['sample']!r} is not one line of text"
            if "\t" in value or "\0" in value or not _encodable(value):
                return f"{key} of the sample {row['sample']!r} holds a tab, a NUL or half a letter"
    pairs = {(row["path"], row["sha256"]) for row in recipe["samples"]}
    if len(pairs) > len({path for path, _ in pairs}):
        return "a file has two checksums"
    commit = recipe.get("git_commit")
    if commit is not None and not (isinstance(commit, str) and _COMMIT.fullmatch(commit)):
        return "its git_commit is not a commit"
    for name, number in recipe["packages"].items():
        if not (_PACKAGE.fullmatch(name) and isinstance(number, str)):
            return f"{name!r} is not the name of a package with its version"
        if not _VERSION.fullmatch(number):
            return f"{number!r} is not a version of {name}"
    return None


def _fault_of_markers(rows: Any) -> str | None:
    """Return what is wrong with the marker table, which is written into a file."""
    if not isinstance(rows, list):
        return "its marker table is not a list"
    for row in rows:
        if not isinstance(row, list) or len(row) != 3:
            return "a row of its marker table has not three fields"
        for text in row:
            one_line = isinstance(text, str) and text.splitlines() == [text]
            if not one_line or "\t" in text or "\0" in text or not _encodable(text):
                return "a field of its marker table is not one line of text"
    return None


def _fault_of_gene_sets(given: Any) -> str | None:
    """Return what is wrong with the file of gene sets, whose path is written into the config."""
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) != {"path", "sha256"}:
        return "its gene sets are not a path with a checksum"
    for value in given.values():
        if not isinstance(value, str) or value.splitlines() != [value] or "\0" in value:
            return "its gene sets are not a path with a checksum, each one line of text"
    return None


def _fault_of_config(config: dict[str, Any]) -> str | None:
    """Return what is wrong with a config, which is written into a file that Snakemake reads."""
    try:
        for value in nested_values(config):
            keys = value if isinstance(value, dict) else ()
            for key in keys:
                if not _KEY.fullmatch(key):
                    return f"its config has the key {key[:80]!r}, which no report has"
            if isinstance(value, str) and not _encodable(value):
                return "its config holds half a letter"
    except TooManyValuesError:
        return "its config is larger than that of any report"
    return None


def _encodable(text: str) -> bool:
    """Whether a text can be written to a file: JSON may hold lone surrogates, a file cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
