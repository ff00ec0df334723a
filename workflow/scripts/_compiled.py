"""Compiled code is kept between the jobs of a run."""

import contextlib
import hashlib
import os
import platform
from pathlib import Path


def keep_compiled_code(folder):
    """Make jax and numba keep what they compile in a folder, and take it from there in later jobs.

    Compilation is half of the time of a fit of few cells. Code for one kind of processor may not
    run on another one, so each kind has a folder of its own. A folder of the user's is respected.
    """
    kind = platform.machine() + platform.processor()
    with contextlib.suppress(OSError):  # there is no such file but on Linux
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        kind += "".join(sorted({x for x in lines if x.lower().startswith(("flags", "features"))}))
    place = folder.absolute() / hashlib.sha256(kind.encode()).hexdigest()[:12]
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(place))
    os.environ.setdefault("NUMBA_CACHE_DIR", str(place / "numba"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
