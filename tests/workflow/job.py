"""Run one script of the workflow as Snakemake does, without Snakemake."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"


class Named(list):  # type: ignore[type-arg]
    """Values of a job by position and, those that have a name, by name.

    Parameters
    ----------
    values
        A list of values, or a dict; a list inside the dict is several values of one name.
    """

    def __init__(self, values: Any) -> None:
        named = values if isinstance(values, dict) else {}
        for value in named.values() if named else values:
            self.extend(value if isinstance(value, list) else [value])
        self.__dict__.update(named)


class Job:
    """What a script sees as ``snakemake``."""

    def __init__(self, rule: str, given: dict[str, Any]) -> None:
        self.rule = rule
        self.scriptdir = str(SCRIPTS)
        self.threads = 1
        for name in ("input", "output", "params", "wildcards", "log"):
            setattr(self, name, Named(given.get(name, [])))


def run_script(rule: str, folder: Path, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run ``workflow/scripts/{rule}.py`` in a process of its own.

    Parameters
    ----------
    rule
        Name of the rule and of its script.
    folder
        Where it runs; the log is ``{rule}.log`` there, and ``{rule}.loaded`` names the packages
        that the process had loaded in the end.
    given
        input, output, params, wildcards: lists, or dicts of what has a name. Plain values.
    """
    text = json.dumps({"log": [f"{rule}.log"], **given})
    command = [sys.executable, str(Path(__file__).resolve()), rule]
    return subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=600
    )


if __name__ == "__main__":
    sys.path[0] = str(SCRIPTS)
    job = Job(sys.argv[1], json.load(sys.stdin))
    runpy.run_path(str(SCRIPTS / f"{job.rule}.py"), init_globals={"snakemake": job})
    packages = sorted({name.split(".")[0] for name in sys.modules})
    Path(f"{job.rule}.loaded").write_text("\n".join(packages) + "\n", encoding="utf-8")
