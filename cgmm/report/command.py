"""Write reports again from their results folders: ``cgmm report results/treatment``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cgmm.report.build import build
from cgmm.report.index import build_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "results", nargs="+", type=Path, help="folders of comparisons, such as results/treatment"
    )
    parser.add_argument(
        "--to", type=Path, default=Path("reports"), help="the folder to write to (default: reports)"
    )
    parser.add_argument("--title", help="heading, for one comparison")


def run(given: argparse.Namespace) -> int:
    """Write one page per folder and an index of them; return 1 when it fails."""
    names = [folder.resolve().name for folder in given.results]
    if len(set(names)) < len(names):
        sys.stderr.write("Two folders have the same name, and so would their reports.\n")
        return 1
    if given.title and len(names) > 1:
        sys.stderr.write("--title is the heading of one report. Name one folder.\n")
        return 1
    try:
        pages = [
            build(folder, given.to / f"{name}.html", title=given.title)
            for folder, name in zip(given.results, names, strict=True)
        ]
        pages.append(build_index(given.results, pages, given.to / "index.html"))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"No report was written: {error}\n")
        return 1
    sys.stdout.write("".join(f"{page}\n" for page in pages))
    return 0
