"""Files to make a report again, from its page alone.

A report holds a recipe (:mod:`cgmm.results.recipe`): the config with every default and every seed,
the rows of the sample sheet, the marker table, the SHA-256 of each input file (samples and gene
sets), the versions of all packages and of the code, and the command. :func:`extract` finds the
input files, compares their checksums, and writes the recipe as the files that the workflow reads.

A page may come from an untrusted source. Only its recipe is read, and nothing from the page is run.
The files that are written have fixed names in the folder that the user named, and no file is
overwritten.

    cgmm rerun report.html --to again
    snakemake --directory again --configfile again/config.yaml --cores 2
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cgmm._utils.files import atomic, checksum
from cgmm.pp import format_of
from cgmm.results.recipe import (
    COLUMNS,
    FILES,
    MADE_BY_THE_WORKFLOW,
    MARKER_COLUMNS,
    MARKERS,
    code_digest,
    packages,
    read_recipe,
    without_cgmm,
)


@dataclass(frozen=True)
class Extracted:
    """What :func:`extract` wrote and found.

    Attributes
    ----------
    folder
        Where the files are.
    files
        Names of the files that were written.
    n_checked
        Number of input files whose checksum was compared.
    n_made
        Number of input files that the workflow makes itself.
    different
        One line per difference from the report: the code, Python, a package.
    """

    folder: Path
    files: list[str]
    n_checked: int
    n_made: int
    different: list[str]


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
        Where to write ``config.yaml``, ``samples.tsv``, ``requirements.txt`` and, when a marker
        table was used, ``markers.tsv``. It is made when it does not exist.
    data
        The folder where the input files are now. In this folder each file is looked for under its
        path, then under its name. By default the paths of the report are used; relative paths start
        from the current folder.
    code
        Folder of the code that is compared with the code of the report; by default the folder of
        this package.

    Returns
    -------
    Extracted

    Raises
    ------
    FileExistsError
        When the folder already holds one of the files to write.
    ValueError
        When the page holds no usable recipe, when an input file is missing, or when its checksum
        differs from the checksum in the report. Nothing is written in these cases.
    """
    recipe, folder = read_recipe(page), Path(folder)
    files = [*FILES, MARKERS] if "markers" in recipe else list(FILES)
    for name in files:
        if (folder / name).exists():
            msg = f"{folder / name} exists and is not overwritten. Choose another folder."
            raise FileExistsError(msg)
    sets = [recipe["gene_sets"]] if "gene_sets" in recipe else []
    places = _places([*recipe["samples"], *sets], None if data is None else Path(data))
    config = {**recipe["config"], "samples": FILES[1]}
    if sets:
        config["gene_sets"] = places[recipe["gene_sets"]["path"]]
    rows = [{**row, "path": places[row["path"]]} for row in recipe["samples"]]
    texts = [
        yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
        _sheet(rows),
        _requirements(recipe),
    ]
    if "markers" in recipe:
        texts.append("".join("\t".join(row) + "\n" for row in [MARKER_COLUMNS, *recipe["markers"]]))
    for name, text in zip(files, texts, strict=True):
        with atomic(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    made = sum(
        path == place for path, place in places.items() if path.startswith(MADE_BY_THE_WORKFLOW)
    )
    here = Path(__file__).resolve().parents[1] if code is None else Path(code)
    return Extracted(folder, files, len(places) - made, made, _different(recipe, here))


def _holds_cells(path: Path) -> bool:
    """Whether a path is a folder in a format that is read (zarr, 10x), not any folder."""
    return os.path.isdir(path) and format_of(path) is not None


def _places(rows: Sequence[Mapping[str, str]], data: Path | None) -> dict[str, str]:
    """Return the present path of each input file, after comparing its checksum."""
    problems, places = [], {}
    for path, digest in {row["path"]: row["sha256"] for row in rows}.items():
        if path.startswith(MADE_BY_THE_WORKFLOW) and ".." not in Path(path).parts:
            places[path] = path
            continue
        tried = [Path(path)] if data is None else [data / path, data / Path(path).name]
        file = next((p for p in tried if os.path.isfile(p) or _holds_cells(p)), None)
        if file is None:
            looked = " and ".join(str(p.absolute()) for p in tried)
            problems.append(f"{path} is missing (looked for {looked}): give its folder as --data.")
            continue
        found = checksum(file)
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
    further = [key for key in rows[0] if key not in (*COLUMNS, "sha256")] if rows else []
    writer = csv.DictWriter(
        out,
        [*COLUMNS, *further],
        delimiter="\t",
        lineterminator="\n",
        extrasaction="ignore",
        restval="",
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _requirements(recipe: Mapping[str, Any]) -> str:
    """Return the packages of a report; its code is named in a comment, and is not installed."""
    commit = recipe.get("git_commit")
    code = f"commit {commit} of the repository of cgmm" if commit else "not recorded"
    lines = [
        f"# The code of the report: {code}. It runs from its folder and is not in this list.",
        "# The package called cgmm on the registry is another project.",
        *(f"{name}=={number}" for name, number in without_cgmm(recipe["packages"]).items()),
    ]
    return "\n".join(lines) + "\n"


def _different(recipe: Mapping[str, Any], code: Path) -> list[str]:
    """Return one line per difference from the report, which may change the last digits."""
    here = packages()
    then = without_cgmm(recipe["packages"])
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
    """Run :func:`extract` from the command line; return 1 when it fails."""
    parser = argparse.ArgumentParser(
        prog="python -m cgmm.rerun",
        description="Write what a report was made from into a folder, to run it again.",
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("report", type=Path, help="the HTML file of a comparison")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--data", type=Path, help="the folder where the input files are now")


def run(options: argparse.Namespace) -> int:
    """Run :func:`extract`; return 1 when it fails."""
    try:
        done = extract(options.report, options.to, data=options.data)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Nothing was written. {error}\n")
        return 1
    lines = [f"Wrote {', '.join(str(done.folder / name) for name in done.files)}."]
    if done.n_checked:
        lines.append(f"Input files: {done.n_checked} found, their checksums are right.")
    if done.n_made:
        lines.append(f"Demo files: {done.n_made}, the workflow makes them.")
    if done.different:
        lines += ["These differ from the report, and the last digits of the tables may differ:"]
        lines += [f"  {words}" for words in done.different]
    target = done.folder
    lines.append(f"Now: snakemake --directory {target} --configfile {target / FILES[0]} --cores 2")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
