"""What the scripts of the workflow share: their start, their JSON files."""

import contextlib
import importlib
import logging
import os
import sys
import traceback
from pathlib import Path

from _compiled import keep_compiled_code
from _sentences import sentence


def start(snakemake):
    """Send output to the log, limit threads, and make errors readable.

    All output goes to the log of the job. The sentence of an error also goes to the console, and to
    the log as ``ERROR: ...``. Steps of a computation (cgmm/_utils/progress.py) go to both. Returns
    a function that prints one line on the console.
    """
    # the code beside this workflow, even when another version is installed: reruns depend on it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    # before the first operation of jax, which heeds no other setting on CPUs
    os.environ["NPROC"] = str(snakemake.threads)
    os.environ["DASK_NUM_WORKERS"] = str(snakemake.threads)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("MPLBACKEND", "Agg")
    keep_compiled_code(Path("results") / ".compiled")
    console = os.fdopen(os.dup(2), "w", buffering=1)
    log = open(snakemake.log[0], "w", buffering=1)  # noqa: SIM115
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout = sys.stderr = log
    logging.basicConfig(stream=log, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("cgmm").setLevel(logging.INFO)
    job = " ".join([snakemake.rule, *snakemake.wildcards])

    def say(text):
        print(f"[{job}] {text}", file=console)

    def fail(kind, error, trace):
        problems = getattr(error, "problems", None) or [sentence(error, snakemake.input)]
        say("failed: " + " ".join(str(p) for p in problems) + f" (details: {snakemake.log[0]})")
        with contextlib.suppress(OSError):  # the disk may be full
            traceback.print_exception(kind, error, trace, file=log)
            for problem in problems:
                print(f"ERROR: {job}: {' '.join(str(problem).split())}", file=log)

    class Progress(logging.Handler):
        def emit(self, record):
            say(record.getMessage())

    logging.getLogger("cgmm.progress").addHandler(Progress())
    sys.excepthook = fail
    importlib.import_module("workflow.own_code").use_own_code(Path(sys.path[0]))
    return say


def write_json(value, path, indent=1):
    """Write a value as a JSON file."""
    from cgmm._utils import strict_json

    strict_json.write_json(value, path, indent=indent)
