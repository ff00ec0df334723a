"""Write the sample sheet of the workflow from the files themselves.

    cgmm sheet cells.h5ad --sample sample --condition arm --donor donor > samples.tsv
    cgmm sheet data/*.h5ad --condition arm > samples.tsv

The columns are columns of ``obs``. Without ``--sample`` every file is one sample.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence

from cgmm.pp import InputError, check_readable, samples_of_files

COLUMNS = ("sample", "path", "condition", "donor", "batch", "obs_column", "obs_value")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sheet to standard output; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m cgmm.sheet", description=__doc__.split("\n")[0]
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("files", nargs="+", help="files with cells")
    parser.add_argument("--condition", required=True, help="column of obs with the condition")
    for name in ("sample", "donor", "batch"):
        parser.add_argument(f"--{name}", help=f"column of obs with the {name}")
    parser.add_argument("--h5mu-modality", help="modality of .h5mu files to read")


def run(given: argparse.Namespace) -> int:
    """Write the sheet to standard output; return 1 when the files cannot be used."""
    try:
        check_readable(given.files)
        samples, remarks = samples_of_files(
            given.files,
            condition=given.condition,
            sample=given.sample,
            donor=given.donor,
            batch=given.batch,
            reading={"h5mu_modality": given.h5mu_modality},
        )
    except InputError as error:
        for problem in error.problems:
            sys.stderr.write(f"ERROR: {problem}\n")
        return 1
    for remark in remarks:
        sys.stderr.write(f"{remark}\n")
    columns = [c for c in COLUMNS if c in COLUMNS[:3] or any(getattr(s, c) for s in samples)]
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(sample, column) for column in columns] for sample in samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
