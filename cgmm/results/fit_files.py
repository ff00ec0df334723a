"""Fits as a pair of files, npz and json. No pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cgmm._utils.files import atomic
from cgmm._utils.strict_json import loads, write_json
from cgmm.coupled.result import CoupledFit

FORMAT = 5


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
    with atomic(arrays_path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **fit.to_arrays())
    write_json({"format": FORMAT, **fit.to_facts()}, values_path, indent=2)
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
        When the files have another version of the format.
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
    with np.load(arrays_path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored}
    return CoupledFit.from_arrays(arrays, values)


def _paths(stem: Path | str) -> tuple[Path, Path]:
    stem = Path(stem)
    return stem.with_name(stem.name + ".npz"), stem.with_name(stem.name + ".json")
