"""The command ``cgmm``, also ``python -m cgmm``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

import cgmm

#: Name, module with ``add_arguments`` and ``run``, what it does, an example.
COMMANDS = (
    (
        "init",
        "cgmm.study",
        "lay out a study: config, sample sheet, profile",
        "cgmm init my_study --source untreated --target treated",
    ),
    (
        "sheet",
        "cgmm.sheet",
        "write the sample sheet from files with cells",
        "cgmm sheet data/*.h5ad --condition arm > config/samples.tsv",
    ),
    (
        "report",
        "cgmm.report.command",
        "write reports again from their results folders",
        "cgmm report results/treatment --to reports",
    ),
    (
        "go-sets",
        "cgmm.go_sets",
        "write gene sets of the Gene Ontology, from files of Bioconductor",
        "cgmm go-sets org.Hs.eg.sqlite GO.sqlite > go.gmt",
    ),
    (
        "rerun",
        "cgmm.rerun",
        "from a report, write the files to make it again",
        "cgmm rerun report.html --to again",
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="cgmm",
        description="Which subpopulations of two conditions changed in number, which in state.",
        epilog="cgmm COMMAND --help explains a command. The workflow itself runs with snakemake.",
    )
    parser.add_argument("--version", action="version", version=f"cgmm {cgmm.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module, says, example in COMMANDS:
        one = commands.add_parser(
            name,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            epilog=f"Example: {example}",
        )
        # only the module that runs is imported: some take seconds
        if name in given[:1]:
            code = importlib.import_module(module)
            code.add_arguments(one)
            one.set_defaults(run=code.run)
    options = parser.parse_args(given)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
