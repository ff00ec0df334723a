"""Write reports again from their results folders: ``cgmm report results/treatment``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cgmm.report.build import build
from cgmm.report.index import build_index
from cgmm.report.targets import build_targets
from cgmm.results.read_targets import FACTS, read_target_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        help="folders of comparisons, such as results/treatment; the folder of several targets "
        "stands for itself and the folders of its targets beside it",
    )
    parser.add_argument(
        "--to", type=Path, default=Path("reports"), help="the folder to write to (default: reports)"
    )
    parser.add_argument("--title", help="heading, for one comparison")


def run(given: argparse.Namespace) -> int:
    """Write one page per folder and an index of them; return 1 when it fails."""
    try:
        families, folders = _folders(given.results)
    except (OSError, ValueError) as error:
        return _refuse(f"No report was written: {error}")
    names = [folder.resolve().name for folder in (*folders, *families)]
    if len(set(names)) < len(names):
        return _refuse("Two folders have the same name, and so would their reports.")
    if given.title and len(given.results) > 1:
        return _refuse("--title is the heading of one report. Name one folder.")
    title = None if families else given.title

    def page(folder: Path) -> Path:
        return Path(given.to) / f"{folder.resolve().name}.html"

    try:
        pages = [build(folder, page(folder), title=title) for folder in folders]
        common = [
            build_targets(family, own, [page(m) for m in own], page(family), title=given.title)
            for family, own in families.items()
        ]
        index = build_index(
            folders,
            pages,
            given.to / "index.html",
            of_targets=list(families),
            reports_of_targets=common,
        )
    except (OSError, ValueError) as error:
        return _refuse(f"No report was written: {error}")
    sys.stdout.write("".join(f"{one}\n" for one in (*pages, *common, index)))
    return 0


def _folders(given: list[Path]) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Return the folders of several targets with those of their targets, and all of single ones."""
    families: dict[Path, list[Path]] = {}
    single: dict[Path, Path] = {}  # by the resolved path, so that a folder counts once
    for folder in given:
        own = [folder]
        if (folder / FACTS).is_file():
            names = read_target_results(folder).members
            own = families[folder] = [folder.parent / name for name in names]
        single |= {one.resolve(): one for one in own}
    return families, list(single.values())


def _refuse(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return 1
