"""One self-contained HTML file per comparison, and an index over comparisons.

The report reads only the files of a results folder (tables, ``cells.tsv.gz``, ``report.json``),
so it can be rebuilt without any computation. It opens offline, needs no JavaScript to be
complete, and treats every name as untrusted text.
"""

from __future__ import annotations

from cgmm.report.build import build
from cgmm.report.index import build_index

__all__ = ["build", "build_index"]
