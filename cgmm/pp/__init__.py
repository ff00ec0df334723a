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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgmm.pp._embed import embed
    from cgmm.pp._formats import format_of
    from cgmm.pp._guard import check_readable
    from cgmm.pp._lazy import choose_scale, prepare_lazily, read_prepared
    from cgmm.pp._prepare import join_samples, normalise, quality_control, write_prepared
    from cgmm.pp._sample_checks import check_annotation, check_samples
    from cgmm.pp._sample_values import sample_values
    from cgmm.pp._samples import InputError, Sample
    from cgmm.pp._sheet import samples_of_files

# a job loads what it uses: AnnData and scanpy take longer to load than most jobs to run
_PLACES = {
    "InputError": "_samples",
    "Sample": "_samples",
    "check_annotation": "_sample_checks",
    "check_readable": "_guard",
    "check_samples": "_sample_checks",
    "choose_scale": "_lazy",
    "embed": "_embed",
    "format_of": "_formats",
    "join_samples": "_prepare",
    "normalise": "_prepare",
    "prepare_lazily": "_lazy",
    "quality_control": "_prepare",
    "read_prepared": "_lazy",
    "sample_values": "_sample_values",
    "samples_of_files": "_sheet",
    "write_prepared": "_prepare",
}

__all__ = [
    "InputError",
    "Sample",
    "check_annotation",
    "check_readable",
    "check_samples",
    "choose_scale",
    "embed",
    "format_of",
    "join_samples",
    "normalise",
    "prepare_lazily",
    "quality_control",
    "read_prepared",
    "sample_values",
    "samples_of_files",
    "write_prepared",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
