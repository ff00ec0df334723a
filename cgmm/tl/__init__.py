"""Tools on AnnData objects: fit a comparison, write a fit into an object, gene-level shifts.

All names that are written are those of :class:`cgmm._keys.Keys`; read them back with
:mod:`cgmm.get`.
"""

from __future__ import annotations

from cgmm.tl._fit import annotate, fit
from cgmm.tl._genes import genes

__all__ = ["annotate", "fit", "genes"]
