"""Fits as a pair of files, npz and json. No pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cgmm._io import atomic, dumps, loads
from cgmm._keys import SIDES
from cgmm.coupled import CoupledFit
from cgmm.mixture import GaussianMixture

FORMAT = 4
_MIXTURE = ("weights", "means", "covariances")
_ARRAYS = ("coupling", "costs", "history", "shares_source", "shares_target")
_OPTIONAL = ("metric", "votes", "log2_net_cells")
_VALUES = (
    "transport_cost",
    "log_likelihood",
    "objective",
    "converged",
    "status",
    "n_steps",
    "seconds",
    "parameters",
    "reasons",
    "sensitivity",
)


def save_fit(fit: CoupledFit, stem: Path | str) -> tuple[Path, Path]:
    """Write a fit as ``stem.npz`` (arrays) and ``stem.json`` (everything else).

    Parameters
    ----------
    fit
        The fit.
    stem
        Path without ending.

    Returns
    -------
    The two paths.
    """
    arrays_path, values_path = _paths(stem)
    arrays = {name: np.asarray(getattr(fit, name)) for name in _ARRAYS}
    for side in SIDES:
        for name in _MIXTURE:
            arrays[f"{side}_{name}"] = np.asarray(getattr(getattr(fit, side), name))
    arrays |= {n: getattr(fit, n) for n in _OPTIONAL if getattr(fit, n) is not None}
    values = {name: getattr(fit, name) for name in _VALUES}
    with atomic(arrays_path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    with atomic(values_path) as temporary:
        temporary.write_text(dumps({"format": FORMAT, **values}, indent=2) + "\n", encoding="utf-8")
    return arrays_path, values_path


def load_fit(stem: Path | str) -> CoupledFit:
    """Read a fit that :func:`save_fit` wrote.

    Parameters
    ----------
    stem
        Path without ending.

    Returns
    -------
    CoupledFit

    Raises
    ------
    FileNotFoundError
        When one of the two files is missing.
    ValueError
        When they were written by another version of the format.
    """
    arrays_path, values_path = _paths(stem)
    for path in (arrays_path, values_path):
        if not path.is_file():
            msg = (
                f"{path} does not exist: a fit is the pair {arrays_path.name}, {values_path.name}."
            )
            raise FileNotFoundError(msg)
    values = loads(values_path.read_text(encoding="utf-8"))
    if values.get("format") != FORMAT:
        msg = (
            f"{values_path} has format {values.get('format')!r}, but this version of cgmm reads "
            f"format {FORMAT}: fit again."
        )
        raise ValueError(msg)
    with np.load(arrays_path, allow_pickle=False) as arrays:
        return build_fit(dict(arrays), values)


def build_fit(arrays: dict[str, np.ndarray], values: dict[str, Any]) -> CoupledFit:
    """Put a CoupledFit together from the arrays and values of :func:`save_fit`."""
    sides = {
        side: GaussianMixture(**{name: arrays[f"{side}_{name}"] for name in _MIXTURE})
        for side in SIDES
    }
    fields: dict[str, Any] = {name: values[name] for name in _VALUES}
    fields["log_likelihood"] = tuple(fields["log_likelihood"])
    fields |= sides
    fields |= {name: arrays[name] for name in _ARRAYS}
    fields |= {name: arrays.get(name) for name in _OPTIONAL}
    return CoupledFit(**fields)


def _paths(stem: Path | str) -> tuple[Path, Path]:
    stem = Path(stem)
    return stem.with_name(stem.name + ".npz"), stem.with_name(stem.name + ".json")
