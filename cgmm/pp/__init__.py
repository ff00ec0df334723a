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

from cgmm.pp._check import check_samples
from cgmm.pp._embed import embed, representation_key
from cgmm.pp._prepare import join_samples, normalise, quality_control, write_prepared
from cgmm.pp._samples import InputError, Sample

__all__ = [
    "InputError",
    "Sample",
    "check_samples",
    "embed",
    "join_samples",
    "normalise",
    "quality_control",
    "representation_key",
    "write_prepared",
]
