"""Read names, tables and attributes of the HDF5 files named on standard input, one a line.

Run by :mod:`cgmm.pp._guard` as a program, with nothing of cgmm: it may crash, or be killed when it
uses more processor time than a file of that size can need. Nor can it take more memory than that. A
line is written for every file that is done, whatever was found in it.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import h5py

with contextlib.suppress(ImportError):  # what the parent will decompress is decompressed here
    import hdf5plugin  # noqa: F401

SECONDS = 10
BYTES_PER_SECOND = 20_000_000
MEMORY = 4 * 2**30  # beyond what the file holds
TABLES = ("obs/", "var/", "raw/var/")


def limit(what: int, most: int) -> None:
    """Set a limit, within what the system lets a process set."""
    hard = resource.getrlimit(what)[1]
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (soft, hard))


def look(path: str) -> None:
    """Read every attribute, and the tables of cells and genes."""
    with h5py.File(path, "r") as file:

        def see(name: str, node: h5py.Group | h5py.Dataset) -> None:
            for key in node.attrs:
                node.attrs[key]
            if isinstance(node, h5py.Dataset) and name.startswith(TABLES):
                node[()]

        file.visititems(see)


def main() -> None:
    """Look at one file after the other, each under its limit."""
    limit(resource.RLIMIT_CORE, 0)
    for path in sys.stdin.read().splitlines():
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        # an error is an answer: the check has the words for it
        with contextlib.suppress(Exception):
            size = Path(path).stat().st_size
            limit(resource.RLIMIT_AS, MEMORY + size)
            limit(resource.RLIMIT_CPU, spent + SECONDS + size // BYTES_PER_SECOND)
            look(path)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
