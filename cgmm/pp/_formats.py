"""Files that are no h5ad: read by the library of their format, once, into an h5ad of this process.

Everything else in this package reads h5ad. A reader is imported when a file of its format is given.
"""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anndata as ad
import h5py
import numpy as np
import scipy.sparse as sp
from anndata.io import read_elem

from cgmm._utils.files import is_full
from cgmm._utils.h5ad import plain_strings
from cgmm._utils.optional import how_to_install
from cgmm.pp._columns import labelled
from cgmm.pp._fcs import read_fcs
from cgmm.pp._reading import DEFAULT, Read, Reading
from cgmm.pp._samples import InputError, listed
from cgmm.pp._zarr import copy_zarr, read_whole

RNA_MODALITIES = ("rna", "gex", "gene expression")
GENES_OF_LOOM = ("Gene", "Accession", "gene_names", "var_names")
#: what a folder of an AnnData zarr holds: of format 2, of format 3
ZARR = (".zgroup", ".zattrs", "zarr.json")


class Converted(NamedTuple):
    """A file in the form of h5ad."""

    path: Path
    remark: str = ""  #: what the reader left out, and what it did to the values
    transform: str = ""  #: formula of the values, where the reader transformed them


_folder: list[tempfile.TemporaryDirectory[str]] = []
_known: dict[tuple[str, int, Reading], Converted] = {}


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


def as_h5ad(path: str | Path, reading: Reading = DEFAULT) -> Converted:
    """Return a file itself when it is an h5ad, else an h5ad with its content.

    Parameters
    ----------
    path
        An h5ad file, or a file or folder of another format.
    reading
        What the file does not say by itself.

    Raises
    ------
    InputError
        When the library of the format is not installed, or cannot read the file.
    OSError
        When there is no room for the h5ad.
    """
    kind = format_of(path)
    if kind is None:
        return Converted(Path(path))
    key = (str(Path(path).resolve()), Path(path).stat().st_mtime_ns, reading)
    if key in _known:
        return _known[key]
    package, read = READERS[kind]
    if package and importlib.util.find_spec(package) is None:
        msg = (
            f"{path}: files of the format {kind} are read with {package}, which is not installed: "
            f"{how_to_install(package)}."
        )
        raise InputError(msg)
    if not _folder:
        _folder.append(tempfile.TemporaryDirectory(prefix="cgmm-"))
    target = Path(_folder[0].name) / f"{len(_known)}.h5ad"
    with warnings.catch_warnings(), plain_strings():
        warnings.simplefilter("ignore")  # names are checked later, with better words
        try:
            copied = kind == "zarr" and copy_zarr(Path(path), target)
            found = None if copied else read(Path(path), reading)
        except InputError:
            raise
        except Exception as error:
            if is_full(error):
                raise
            said = " ".join(str(error).split())[:160]
            msg = (
                f"{path}: {package or 'anndata'} cannot read it as {kind} ({said}). It may be "
                "damaged, only partly copied, or of another version."
            )
            raise InputError(msg) from error
        if found is not None:
            _plain(found.adata).write_h5ad(target)
    _known[key] = Converted(target, *(found[1:] if found else ()))
    return _known[key]


def _plain(adata: ad.AnnData) -> ad.AnnData:
    """Parts of an object that are read: values, tables, embeddings; text that can be written."""
    kept: Any = ad.AnnData(
        X=_by_rows(adata.X),
        obs=labelled(adata.obs),
        var=labelled(adata.var),
        obsm={k: v for k, v in adata.obsm.items() if isinstance(v, np.ndarray)},
    )
    layers: Any = adata.layers  # anndata 0.13 has X there, under None
    for name in layers:
        if name is not None:
            kept.layers[name] = _by_rows(adata.layers[name])
    if adata.raw is not None:
        kept.raw = ad.AnnData(X=_by_rows(adata.raw.X), obs=kept.obs, var=labelled(adata.raw.var))
    return kept


def _by_rows(matrix: Any) -> Any:
    """Sparse values by cells, which can be read in blocks; scanpy reads matrix folders by genes."""
    return sp.csr_matrix(matrix) if sp.issparse(matrix) else matrix


def _zarr(path: Path, _: Reading) -> Read:
    return Read(read_whole(path))


def _tenx_h5(path: Path, _: Reading) -> Read:
    with h5py.File(path, "r") as file:
        if "obs" in file and "var" in file:  # an h5ad of that name
            return Read(ad.read_h5ad(path))
    import scanpy as sc

    return Read(sc.read_10x_h5(path, gex_only=False))


def _tenx_folder(path: Path, _: Reading) -> Read:
    import scanpy as sc

    names = [found.name for found in path.glob("*matrix.mtx*")]
    if len(names) > 1:
        msg = f"{path}: holds several matrices ({listed(sorted(names))}). Give each its folder."
        raise InputError(msg)
    prefix = names[0].split("matrix.mtx")[0]
    return Read(sc.read_10x_mtx(path, make_unique=False, gex_only=False, prefix=prefix or None))


def _h5mu(path: Path, reading: Reading) -> Read:
    import mudata

    with h5py.File(path, "r") as file:
        names = list(file["mod"])
        of_all: Any = read_elem(file["obs"])
    if reading.h5mu_modality is not None:
        wanted = [name for name in names if name == reading.h5mu_modality]
    else:
        wanted = [name for name in names if name.lower() in RNA_MODALITIES] or names
    if len(wanted) != 1:
        found = (
            f"has no modality {reading.h5mu_modality!r} (modalities: {listed(names)})"
            if not wanted
            else f"holds the modalities {listed(names)}, and not one that is called rna"
        )
        msg = (
            f"{path}: {found}. Name the one to read as `reading: {{h5mu_modality: ...}}` in the "
            "config."
        )
        raise InputError(msg)
    adata = mudata.read_h5ad(path, mod=wanted[0])
    if of_all.index.is_unique:  # what is known of a cell, whatever was measured
        new = [name for name in of_all.columns if name not in adata.obs]
        adata.obs = adata.obs.join(of_all[new])
    left_out = [name for name in names if name != wanted[0]]
    more = f" ({listed(left_out)} left out)" if left_out else ""
    return Read(adata, f"the modality {wanted[0]} was read{more}")


def _loom(path: Path, _: Reading) -> Read:
    with h5py.File(path, "r") as file:
        rows, columns = set(file["row_attrs"]), set(file["col_attrs"])
    # velocyto and loompy write the first names, anndata the others
    genes = next((n for n in GENES_OF_LOOM if n in rows), "")
    if not genes:
        msg = (
            f"{path}: has no names of genes (row attributes: {listed(sorted(rows))}). Name one of "
            f"them {' or '.join(GENES_OF_LOOM[:2])}."
        )
        raise InputError(msg)
    cells = next((n for n in ("CellID", "cell_names", "obs_names") if n in columns), "")
    return Read(ad.io.read_loom(path, obs_names=cells, var_names=genes, validate=False))


Reader = Callable[[Path, Reading], Read]
#: by format: the package that reads it, and how
READERS: dict[str, tuple[str, Reader]] = {
    "zarr": ("zarr", _zarr),
    "10x h5": ("scanpy", _tenx_h5),
    "10x folder": ("scanpy", _tenx_folder),
    "h5mu": ("mudata", _h5mu),
    "loom": ("loompy", _loom),
    "fcs": ("flowio", read_fcs),
}
