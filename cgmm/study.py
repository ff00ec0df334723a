"""Lay out the folder of a study: config, sample sheet and profile, to be filled in.

    cgmm init STUDY --source untreated --target treated

The workflow stays in the folder of the code, which may serve many studies.  A study holds what is
its own, and everything that the workflow makes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from cgmm._utils.files import atomic

CONFIG = """\
# What to compare. `config/README.md` beside the code explains every key; a key that is not here has
# its default.
samples: config/samples.tsv

comparisons:
  - name: {name}
    source: {source}
    target: {target}

# column of obs with your cell types, if there is one
annotation_key: null
"""
SHEET = "sample\tpath\tcondition\tdonor\n"
PROFILE = """\
# snakemake --profile profile
snakefile: {snakefile}
cores: all
rerun-incomplete: true
keep-going: true
# memory is shared by all jobs that run at the same time
resources:
  - mem_mb=16000
"""
FILES = ("config/config.yaml", "config/samples.tsv", "profile/profile.yaml")


def lay_out(
    folder: Path | str, *, source: str, target: str, name: str = "main", code: Path | str
) -> list[Path]:
    """Write config, sample sheet and profile of a study.

    Parameters
    ----------
    folder
        The study. It is made when it does not exist.
    source, target
        Values of the column ``condition`` of the sample sheet: before and after.
    name
        Name of the comparison: of its report and of its folder in ``results/``.
    code
        The folder that holds ``workflow/Snakefile``.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileExistsError
        When the study already holds one of the files. Nothing is written.
    FileNotFoundError
        When `code` holds no workflow. Nothing is written.
    """
    folder, snakefile = Path(folder), Path(code).resolve() / "workflow" / "Snakefile"
    if not snakefile.is_file():
        msg = (
            f"{snakefile} does not exist: the workflow is in the folder of the code of cgmm, not "
            "in the installed package. Give that folder as --code."
        )
        raise FileNotFoundError(msg)
    paths = [folder / name for name in FILES]
    for path in paths:
        if path.exists():
            msg = f"{path} exists and is not overwritten. Choose another folder."
            raise FileExistsError(msg)
    # a text in JSON is a text in YAML, whatever it holds
    quoted = {
        k: json.dumps(v, ensure_ascii=False)
        for k, v in (("name", name), ("source", source), ("target", target))
    }
    profile = PROFILE.format(snakefile=json.dumps(str(snakefile), ensure_ascii=False))
    for path, text in zip(paths, (CONFIG.format(**quoted), SHEET, profile), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("study", type=Path, help="the folder to lay out")
    parser.add_argument("--source", default="control", help="condition before (default: control)")
    parser.add_argument("--target", default="treated", help="condition after (default: treated)")
    parser.add_argument("--name", default="main", help="name of the comparison (default: main)")
    parser.add_argument(
        "--code",
        type=Path,
        default=Path(__file__).resolve().parents[1],
        help="the folder of the code of cgmm (default: the one that this command runs from)",
    )


def run(given: argparse.Namespace) -> int:
    """Run :func:`lay_out`; return 1 when it fails."""
    try:
        paths = lay_out(
            given.study, source=given.source, target=given.target, name=given.name, code=given.code
        )
    except OSError as error:
        sys.stderr.write(f"Nothing was written. {error}\n")
        return 1
    study = shlex.quote(str(given.study))
    sys.stdout.write(
        f"Wrote {', '.join(map(str, paths))}.\n"
        "Next:\n"
        f"  1. Fill {paths[1]}: a row per sample, or let `cgmm sheet` write it.\n"
        f"  2. Look at {paths[0]}: source and target are the names of your conditions.\n"
        f"  3. cd {study} && snakemake --profile profile\n"
    )
    return 0
