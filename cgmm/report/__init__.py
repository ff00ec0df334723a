"""One self-contained HTML file per comparison, and an index over comparisons.

The report reads only the files of a results folder (tables, ``cells.tsv.gz``, ``report.json``),
so it can be made again without a fit. It opens offline, is complete without JavaScript, and treats
every name as untrusted text.

``build`` reads the folder. ``claims`` derives what is reported and why. ``sections`` holds one file
per section of the page. ``page`` writes text, tables, SVG, images and HTML. To add a section, write
a file with a function ``section`` in ``sections`` and name it in the list in ``build``.
"""

from cgmm.report.build import build
from cgmm.report.index import build_index
from cgmm.report.targets import build_targets
from cgmm.report.twins import build_twins

__all__ = ["build", "build_index", "build_targets", "build_twins"]
