"""Code that JAX compiled, shared by all processes of a run of the tests.

Half of the time of a fit of few cells is compilation. Each program is compiled once for both
processes of pytest and all jobs of the workflow, into a folder that goes when the tests end.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SETTINGS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def share_compiled_code() -> None:
    """Name the folder in the environment, which processes that are started later inherit.

    A folder that the environment already names is kept: a developer's own, or that of the process
    that started this one.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if FOLDER not in os.environ:
        folder = tempfile.mkdtemp(prefix="cgmm-compiled-")
        os.environ[FOLDER] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def compiling_anew() -> dict[str, str]:
    """Return the environment without the shared folder, for tests of what is compiled."""
    return {name: value for name, value in os.environ.items() if name != FOLDER}
