"""From files to the space in which mixtures are fitted: read, check, join, normalise, embed.

Counts of several samples become one AnnData object with log-normalised values and one joint
representation. scanpy does the work; this package adds the checks that keep a silent mistake
(genes that do not overlap, values already in logarithms, cells counted twice) from becoming a
result, and makes each step repeatable.

The steps, in order::

    facts = check_samples(samples)          # sentences for every problem, before any heavy work
    adata = join_samples(samples)           # one object: counts, obs sample / condition / donor
    table = quality_control(adata)          # filters, one row per sample
    normalise(adata)                        # X: natural log1p of counts per 10,000
    embed(adata)                            # HVG, PCA, optional Harmony, neighbours, UMAP
"""

from __future__ import annotations

import importlib
from typing import Any

from cgmm.pp._formats import format_of
from cgmm.pp._guard import check_readable
from cgmm.pp._sample_checks import check_annotation, check_samples
from cgmm.pp._sample_values import sample_values
from cgmm.pp._samples import InputError, Sample
from cgmm.pp._sheet import samples_of_files

# the check is quick because scanpy is only imported by what needs it
_LATER = {
    "choose_scale": "cgmm.pp._lazy",
    "embed": "cgmm.pp._embed",
    "join_samples": "cgmm.pp._prepare",
    "normalise": "cgmm.pp._prepare",
    "prepare_lazily": "cgmm.pp._lazy",
    "quality_control": "cgmm.pp._prepare",
    "read_prepared": "cgmm.pp._lazy",
    "write_prepared": "cgmm.pp._prepare",
}

__all__ = [
    "InputError",
    "Sample",
    "check_annotation",
    "check_readable",
    "check_samples",
    "format_of",
    "sample_values",
    "samples_of_files",
    *_LATER,
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
