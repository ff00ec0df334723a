"""Tools on AnnData objects: fit one comparison or several, annotate, donors, gene-level shifts.

All names that are written are those of :class:`cgmm._anndata.keys.Keys`; read them back with
:mod:`cgmm.get`.
"""

from __future__ import annotations

from cgmm.tl._donors import donors
from cgmm.tl._fit import annotate, fit
from cgmm.tl._genes import genes
from cgmm.tl._targets import fit_targets

__all__ = ["annotate", "donors", "fit", "fit_targets", "genes"]
