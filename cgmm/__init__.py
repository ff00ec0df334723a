"""Coupled unbalanced Gaussian mixtures for two-condition single-cell data.

``cgmm`` answers, for every population of cells in two conditions: did it become more or less
common, did its state move, and who became whom?  ``cg.tl.fit`` takes AnnData objects, as scanpy's
functions do.  ``cg.fit_coupled`` takes plain arrays.  Submodules are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = ("get", "pl", "pp", "report", "simulate", "tl")
_NAMES = {
    "ConvergenceWarning": "coupled.fit",
    "CoupledFit": "coupled.result",
    "GaussianMixture": "mixture.gaussian_mixture",
    "fit_coupled": "coupled.fit",
    "transport_cost": "coupled.cost",
}

__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
