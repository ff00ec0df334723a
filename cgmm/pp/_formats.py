"""Files that are no h5ad: read by the library of their format, once, into an h5ad of this process.

Everything else in this package reads h5ad. A reader is imported when a file of its format is given.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anndata as ad
import h5py
import numpy as np
import pandas as pd

from cgmm._utils.files import plain_strings
from cgmm.pp._names import no_markers
from cgmm.pp._samples import InputError, listed

COFACTOR_FLUORESCENCE = 150.0
COFACTOR_MASS = 5.0
MASS = re.compile(r"cytof|helios|mass", re.I)
RNA_MODALITIES = ("rna", "gex", "gene expression")
#: what a folder of an AnnData zarr holds: of format 2, of format 3
ZARR = (".zgroup", ".zattrs", "zarr.json")


class Converted(NamedTuple):
    """A file in the form of h5ad."""

    path: Path
    remark: str  #: what the reader did to the values; empty when nothing


_folder: list[tempfile.TemporaryDirectory[str]] = []
_known: dict[tuple[str, int], Converted] = {}


def format_of(path: str | Path) -> str | None:
    """Name the format of a file or folder; None for h5ad and for what is not known."""
    place = Path(path)
    if place.is_dir():
        if any((place / name).is_file() for name in ZARR):
            return "zarr"
        if any(place.glob("*matrix.mtx*")):
            return "10x folder"
        return None
    if not place.is_file():
        return None
    if place.suffix.lower() == ".loom":
        return "loom"
    with place.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"FCS"):
        return "fcs"
    if place.suffix.lower() == ".h5mu":
        return "h5mu"
    if place.suffix.lower() == ".h5" and start == b"\x89HDF\r\n\x1a\n":
        return "10x h5"
    return None


def as_h5ad(path: str | Path) -> Converted:
    """Return a file itself when it is an h5ad, else an h5ad with its content.

    Parameters
    ----------
    path
        An h5ad file, or a file or folder of another format.

    Raises
    ------
    InputError
        When the library of the format is not installed, or cannot read the file.
    """
    kind = format_of(path)
    if kind is None:
        return Converted(Path(path), "")
    package, read = READERS[kind]
    key = (str(Path(path).resolve()), Path(path).stat().st_mtime_ns)
    if key in _known:
        return _known[key]
    if package and importlib.util.find_spec(package) is None:
        msg = f"{path}: files of the format {kind} are read with {package}. Install it."
        raise InputError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names are checked later, with better words
            adata, remark = read(Path(path))
    except InputError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:160]
        msg = (
            f"{path}: {package or 'anndata'} cannot read it as {kind} ({said}). It may be damaged, "
            "only partly copied, or of another version."
        )
        raise InputError(msg) from error
    if not _folder:
        _folder.append(tempfile.TemporaryDirectory(prefix="cgmm-"))
    target = Path(_folder[0].name) / f"{len(_known)}.h5ad"
    with warnings.catch_warnings(), plain_strings():
        warnings.simplefilter("ignore")
        _plain(adata).write_h5ad(target)
    _known[key] = Converted(target, remark)
    return _known[key]


def _plain(adata: ad.AnnData) -> ad.AnnData:
    """Parts of an object that are read: values, tables, embeddings; text that can be written."""
    from cgmm.pp._columns import writable

    kept: Any = ad.AnnData(
        X=adata.X,
        obs=writable(adata.obs),
        var=writable(adata.var),
        obsm={k: np.asarray(v) for k, v in adata.obsm.items() if hasattr(v, "dtype")},
    )
    layers: Any = adata.layers  # anndata 0.13 has X there, under None
    for name in layers:
        if name is not None:
            kept.layers[name] = adata.layers[name]
    if adata.raw is not None:
        kept.raw = ad.AnnData(X=adata.raw.X, obs=kept.obs, var=writable(adata.raw.var))
    return kept


def _zarr(path: Path) -> tuple[ad.AnnData, str]:
    return ad.read_zarr(path), ""


def _tenx_h5(path: Path) -> tuple[ad.AnnData, str]:
    with h5py.File(path, "r") as file:
        if "obs" in file and "var" in file:  # an h5ad of that name
            return ad.read_h5ad(path), ""
    import scanpy as sc

    return sc.read_10x_h5(path, gex_only=False), ""


def _tenx_folder(path: Path) -> tuple[ad.AnnData, str]:
    import scanpy as sc

    names = [found.name for found in path.glob("*matrix.mtx*")]
    if len(names) > 1:
        msg = f"{path}: holds several matrices ({listed(sorted(names))}). Give each its folder."
        raise InputError(msg)
    prefix = names[0].split("matrix.mtx")[0]
    return sc.read_10x_mtx(path, make_unique=False, gex_only=False, prefix=prefix or None), ""


def _h5mu(path: Path) -> tuple[ad.AnnData, str]:
    import mudata

    with h5py.File(path, "r") as file:
        names = list(file["mod"])
    wanted = [name for name in names if name.lower() in RNA_MODALITIES] or names
    if len(wanted) > 1:
        msg = (
            f"{path}: holds the modalities {listed(names)}, and none is called rna. Write the one "
            "to use as h5ad."
        )
        raise InputError(msg)
    adata = mudata.read_h5ad(path, mod=wanted[0])
    left_out = [name for name in names if name != wanted[0]]
    more = f" ({listed(left_out)} left out)" if left_out else ""
    return adata, f"the modality {wanted[0]} was read{more}"


def _loom(path: Path) -> tuple[ad.AnnData, str]:
    with h5py.File(path, "r") as file:
        rows, columns = set(file["row_attrs"]), set(file["col_attrs"])
    # velocyto and loompy write the first names, anndata the second
    genes = next((n for n in ("Gene", "gene_names", "var_names", "Accession") if n in rows), "")
    cells = next((n for n in ("CellID", "cell_names", "obs_names") if n in columns), "")
    return ad.io.read_loom(path, obs_names=cells, var_names=genes, validate=False), ""


def _fcs(path: Path) -> tuple[ad.AnnData, str]:
    """Events as arcsinh of the values on their linear scale, without time and scatter."""
    import flowio

    found = flowio.FlowData(str(path))
    values = np.asarray(found.as_array(preprocess=True), dtype=np.float64)
    numbers = sorted(found.channels)
    channels = [str(found.channels[i]["pnn"]).strip() for i in numbers]
    labels = [str(found.channels[i].get("pns") or "").strip() for i in numbers]
    names = [label or channel for label, channel in zip(labels, channels, strict=True)]
    if len(set(names)) < len(names):  # one marker in two channels
        names = [
            f"{n} {c}" if names.count(n) > 1 else n for n, c in zip(names, channels, strict=True)
        ]
    other = {
        channel
        for kind, group in {**no_markers(channels), **no_markers(names)}.items()
        if kind != "live or dead"
        for channel in group
    }
    kept = [i for i, n in enumerate(names) if n not in other and channels[i] not in other]
    mass = bool(MASS.search(str(found.text.get("cyt", "")))) or all(
        channels[i].endswith("Di") for i in kept
    )
    cofactor = COFACTOR_MASS if mass else COFACTOR_FLUORESCENCE
    spill = any(key in found.text for key in ("spill", "spillover", "comp"))
    adata = ad.AnnData(
        np.arcsinh(values[:, kept] / cofactor).astype(np.float32),
        obs=pd.DataFrame(index=[f"event{i}" for i in range(len(values))]),
        var=pd.DataFrame({"channel": [channels[i] for i in kept]}, index=[names[i] for i in kept]),
    )
    left_out = [names[i] for i in range(len(names)) if i not in kept]
    remark = (
        f"gain, logarithmic scale and time step of the file were applied, then arcsinh(x / "
        f"{cofactor:g}); left out: {listed(left_out)}"
    )
    if spill:
        remark += "; the spillover matrix of the file was not applied"
    return adata, remark


Reader = Callable[[Path], tuple[ad.AnnData, str]]
#: by format: the package that reads it, and how
READERS: dict[str, tuple[str, Reader]] = {
    "zarr": ("zarr", _zarr),
    "10x h5": ("scanpy", _tenx_h5),
    "10x folder": ("scanpy", _tenx_folder),
    "h5mu": ("mudata", _h5mu),
    "loom": ("loompy", _loom),
    "fcs": ("flowio", _fcs),
}
