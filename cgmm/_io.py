"""Files: h5ad that other programs open, and fits as npz + json. No pickles, no half files.

Every file is written under a temporary name in its folder, put on the disk, and then renamed: a
reader sees the old file or the new one, never a part. What a killed process left behind under a
temporary name is removed by the next writer of the same file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._keys import SIDES
from cgmm.coupled import CoupledFit
from cgmm.mixture import GaussianMixture

FORMAT = 4
_HOST = "".join(c if c.isalnum() else "_" for c in socket.gethostname())
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


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    Raises
    ------
    OSError
        When the disk is full, at the latest when the file is put on it; ``path`` is as before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = f".part{path.suffix}"
    _remove_leftovers(path, suffix)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.{_HOST}-{os.getpid()}-", suffix=suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        with _late_errors(path):
            yield temporary
        _to_disk(temporary)
        # mkstemp makes files that only their owner can read; give the usual rights.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _late_errors(path: Path) -> Iterator[None]:
    """Raise what HDF5 finds while it closes objects, and otherwise only prints, as an OSError.

    A block that could not be written then is lost, although closing the file may succeed.
    """
    lost: list[str] = []

    def keep(unraisable: Any) -> None:
        if _failed_write(unraisable.exc_value):
            lost.append(str(unraisable.exc_value))
        else:
            before(unraisable)

    before = sys.unraisablehook
    sys.unraisablehook = keep
    try:
        yield
    except RuntimeError as error:
        if not _failed_write(error):
            raise
        lost.append(str(error))
    finally:
        sys.unraisablehook = before
    if lost:
        found = re.search(r"errno = (\d+)", lost[0])
        code = int(found[1]) if found else errno.EIO
        raise OSError(code, os.strerror(code), str(path))


def _failed_write(error: BaseException | None) -> bool:
    return isinstance(error, OSError | RuntimeError) and "write failed" in str(error)


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk, where a late "disk full" of the file system shows."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_leftovers(path: Path, suffix: str) -> None:
    """Remove temporary files of ``path`` whose writer on this machine is gone."""
    start = f".{path.name}.{_HOST}-"
    for other in path.parent.iterdir():
        name = other.name
        if name.startswith(start) and name.endswith(suffix):
            writer = name.removeprefix(start).split("-")[0]
            if writer.isdigit() and not _runs(int(writer)):
                other.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_h5ad(adata: ad.AnnData, path: Path | str) -> None:
    """Write an AnnData with plain string encoding, so that older anndata and R read it.

    Parameters
    ----------
    adata
        What to write; it is not changed.
    path
        The file.
    """
    with atomic(path) as temporary, plain_strings():
        adata.write_h5ad(temporary, compression="gzip")


@contextlib.contextmanager
def plain_strings() -> Iterator[None]:
    """Let anndata write text so that older versions and R read it."""
    setting = "allow_write_nullable_strings"
    if not hasattr(ad.settings, setting):
        yield
        return
    with ad.settings.override(**{setting: False}):
        yield


def storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Table whose text every version of anndata writes, and older ones read.

    Columns of text become categorical: pandas 3 makes them a string dtype, which anndata 0.13
    writes as a nullable string array, which anndata before 0.11 cannot read.
    """
    out = frame.copy()
    for name, column in frame.items():
        if pd.api.types.is_string_dtype(column) or pd.api.types.is_object_dtype(column):
            out[name] = pd.Categorical(column.astype(str).to_numpy(object))
    return out


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


def dumps(value: Any, **options: Any) -> str:
    """Write strict JSON: numpy values as plain ones, infinities and NaN as text."""
    return json.dumps(_plain(value), allow_nan=False, **options)


def loads(text: str) -> Any:
    """Read what :func:`dumps` wrote."""
    return _restore(json.loads(text))


_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy and jax, scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return next(k for k, v in _NOT_FINITE.items() if v == value or (v != v and value != value))
    if value is None or isinstance(value, str | bool | int | float):
        return value
    msg = f"Cannot write a {type(value).__name__} as JSON: {value!r}."
    raise TypeError(msg)


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _restore(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_restore(v) for v in value]
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _paths(stem: Path | str) -> tuple[Path, Path]:
    stem = Path(stem)
    return stem.with_name(stem.name + ".npz"), stem.with_name(stem.name + ".json")
