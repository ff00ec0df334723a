"""Look at files in a process of its own: HDF5 may crash, or never end, on a damaged one.

No check beforehand can tell: a few changed bytes in the heap of a file are enough. So before the
files of a dataset are read, a child looks at them (:mod:`cgmm.pp._guard_child`) under a limit of
processor time; where it does not come back, the file is named.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cgmm.pp._samples import InputError


def check_readable(paths: Sequence[str | Path]) -> None:
    """Check that HDF5 comes to an end on files, whatever it finds in them.

    Parameters
    ----------
    paths
        The files. One that is missing or no HDF5 is left to :func:`cgmm.pp.check_samples`.

    Raises
    ------
    InputError
        With one sentence per file on which HDF5 crashes or does not end.
    """
    problems = []
    waiting = [str(path) for path in paths]
    while waiting:
        done = subprocess.run(
            [sys.executable, "-P", str(Path(__file__).with_name("_guard_child.py"))],
            input="\n".join(waiting),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        n_done = done.stdout.count("done\n")
        if n_done < len(waiting):
            problems.append(
                f"{waiting[n_done]}: HDF5 crashes on it, or does not come to an end. It is "
                "damaged: copy it or write it again."
            )
        waiting = waiting[n_done + 1 :]
    if problems:
        raise InputError(problems)
