"""Damaged and hostile inputs, each from a seed of its own, and what reads them.

A case is (kind, number): the kind says what file is spoiled and how, the number seeds the choice.
Each reader returns "accepted" or "refused" (with a sentence of ours); what else it raises, kills or
waits for is a fault.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import yaml

from cgmm._utils.files import checksum
from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import (
    InputError,
    Sample,
    check_annotation,
    check_readable,
    check_samples,
    join_samples,
    normalise,
    quality_control,
)
from cgmm.rerun import extract
from cgmm.results.recipe import FILES, FORMAT, read_recipe
from workflow.config import load
from workflow.validation import SettingsError

ACCEPTED, REFUSED = "accepted", "refused"
MOST_LETTERS = 6000
ODD_NUMBERS = (-1, 0, 1, 2, 255, 2**31 - 1, -(2**31), 2**40, 2**63 - 1)
ODD_WORDS = (
    "", " ", "\t", "null", "~", "NaN", "-1", "1e999", ".inf", "[]", "{}", "&a", "*a", "!!python/x",
    "'", '"', "#", "..", "../../x", "/dev/null", "a" * 5000, "\u202e", "\x00", "💊", "<script>",
    "=cmd|' /C calc'!A0", "{x}", "$(id)", "True", "2020-01-01", "0x10", "1_000", "\x1b[31m",
)  # fmt: skip


# Seeds: files as they should be -------------------------------------------------------------------


def cells(matrix: str) -> ad.AnnData:
    """Make a small object with everything that is read: columns, a layer, an embedding, ``uns``."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.5, size=(30, 24)).astype(np.float32)
    stored = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray}[matrix](counts)
    obs = pd.DataFrame(
        {
            "library": pd.Categorical(["L1", "L2"] * 15),
            "type": np.array(["a", "b", "c"] * 10, dtype=object),
            "score": np.linspace(0, 1, 30),
            "flag": np.arange(30) % 2 == 0,
            "age": pd.array([1, None] * 15, dtype="Int64"),
        },
        index=pd.Index([f"cell{i}" for i in range(30)], dtype=object),
    )
    genes = np.array([f"G{i}" for i in range(24)], dtype=object)
    var = pd.DataFrame({"symbol": genes[::-1]}, index=pd.Index(genes))
    adata = ad.AnnData(X=stored, obs=obs, var=var)
    adata.layers["counts"] = stored.copy()
    adata.obsm["X_rep"] = rng.normal(size=(30, 4)).astype(np.float32)
    adata.uns["truth"] = {"names": np.array(["a", "b"]), "log2_net": np.array([1.0, -1.0])}
    adata.uns["data_source"] = {"text": "t", "licence": "l", "citation": "c"}
    return adata


CONFIG = """\
samples: samples.tsv
comparisons:
  - name: drug
    source: control
    target: treated
    title: A title
qc: {min_genes: 5, min_cells: 2, max_pct_mt: null}
n_pcs: 6
fit:
  n_components: [3, 4]
  rho: 0.5
  random_state: 1
donors: {n_bootstrap: 20}
"""
SHEET = (
    "sample\tpath\tcondition\tdonor\tobs_column\tobs_value\n"
    "c1\tcells.h5ad\tcontrol\tD1\tlibrary\tL1\n"
    "t1\tcells.h5ad\ttreated\tD1\tlibrary\tL2\n"
    "# a remark\n"
    "t2\tother.h5ad\ttreated\tD2\t\t\n"
)


def write_seeds(folder: Path) -> None:
    """Write the files as they should be."""
    for matrix in ("csr", "csc", "dense"):
        write_h5ad(cells(matrix), folder / f"{matrix}.h5ad")
    for name in ("cells.h5ad", "other.h5ad"):
        write_h5ad(cells("csr"), folder / name)
    (folder / "samples.tsv").write_text(SHEET, encoding="utf-8")


def _page(folder: Path) -> str:
    """Return a report of cells that lie in the folder."""
    path = folder / "cells.h5ad"
    rows = [{"sample": "c1", "path": path.name, "condition": "control", "sha256": checksum(path)}]
    recipe = {
        "format": FORMAT,
        "config": yaml.safe_load(CONFIG),
        "samples": rows,
        "python": "3.11",
        "packages": {"numpy": "2.0"},
        "command": "snakemake",
    }
    island = json.dumps(recipe).replace("<", "\\u003c")
    return (
        "<!doctype html><html><body><p>A report</p>\n"
        f'<script type="application/json" id="recipe">{island}</script>\n</body></html>\n'
    )


# Bytes and text -----------------------------------------------------------------------------------


def spoil_bytes(content: bytes, chance: random.Random) -> bytes:
    """Flip, cut, insert, repeat or overwrite some bytes."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, n = chance.randrange(len(out) or 1), chance.choice((1, 2, 4, 8, 64, 512))
        way = chance.randrange(6)
        if way == 0 and out:
            out[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            out[at : at + n] = chance.randbytes(n)
        elif way == 2:
            del out[at : at + n]
        elif way == 3:
            out[at:at] = chance.randbytes(n)
        elif way == 4:
            number = chance.choice(ODD_NUMBERS) & (2**64 - 1)
            size = chance.choice((1, 2, 4, 8))
            out[at : at + size] = number.to_bytes(8, "little")[:size]
        elif chance.random() < 0.3:
            del out[at:]
    return bytes(out)


def spoil_text(text: str, chance: random.Random) -> str:
    """Replace, move, repeat or drop lines and words."""
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(lines))
        way = chance.randrange(7)
        if way == 0:
            lines.insert(at, chance.choice(lines))
        elif way == 1 and len(lines) > 1:
            del lines[at]
        elif way == 2:
            lines[at] = lines[at].replace(*chance.choice((("\t", " "), (" ", "\t"), (": ", ":"))))
        elif way == 3:
            lines[at] = lines[at].encode().decode("latin-1")
        else:
            parts = lines[at].split("\t" if "\t" in lines[at] else " ")
            parts[chance.randrange(len(parts))] = chance.choice(ODD_WORDS)
            lines[at] = ("\t" if "\t" in lines[at] else " ").join(parts)
    return chance.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines)


def bomb(chance: random.Random) -> str:
    """Write a config whose aliases stand for very many values, or for themselves."""
    levels = chance.randrange(5, 40)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]" for i in range(1, levels)]
    last = chance.choice((f"*a{levels - 1}", "&me [*me, *me]", f"{{min_genes: *a{levels - 1}}}"))
    key = chance.choice(("comparisons", "qc", "samples", "fit", "n_pcs"))
    return CONFIG.replace(f"{key}:", "other:") + "\n".join(lines) + f"\n{key}: {last}\n"


# Structure of HDF5 --------------------------------------------------------------------------------


def spoil_hdf5(path: Path, chance: random.Random) -> None:
    """Drop, rename, retarget or reshape objects and attributes of a file."""
    with h5py.File(path, "a") as file:
        for _ in range(chance.choice((1, 1, 2, 3))):
            names: list[str] = []
            file.visit(names.append)
            name = chance.choice(names)
            chance.choice(WAYS)(file, name, chance)


def _drop(file: h5py.File, name: str, chance: random.Random) -> None:
    del file[name]


def _rename(file: h5py.File, name: str, chance: random.Random) -> None:
    file.move(name, name + chance.choice(("x", "/x", "é", "-1")))


def _link(file: h5py.File, name: str, chance: random.Random) -> None:
    del file[name]
    file[name] = chance.choice(
        (
            h5py.SoftLink("/nowhere"),
            h5py.SoftLink("/" + name),
            h5py.SoftLink("/obs"),
            h5py.ExternalLink("other.h5ad", "/" + name),
            h5py.ExternalLink("/etc/passwd", "/"),
            h5py.ExternalLink(file.filename, "/X"),
        )
    )


def _cycle(file: h5py.File, name: str, chance: random.Random) -> None:
    if isinstance(file[name], h5py.Group):
        file[name]["again"] = chance.choice((file, file[name]))


def _swap(file: h5py.File, name: str, chance: random.Random) -> None:
    names: list[str] = []
    file.visit(names.append)
    other = chance.choice(names)
    copied = file.copy(other, file, "/__copy") or "__copy"
    if name in file:
        attributes = dict(file[name].attrs) if chance.random() < 0.5 else {}
        del file[name]
        file.move(copied, name)
        file[name].attrs.update(attributes)


def _reshape(file: h5py.File, name: str, chance: random.Random) -> None:
    old = file[name]
    if not isinstance(old, h5py.Dataset) or old.dtype.kind not in "iufb" or not old.shape:
        return
    values, attributes = old[()], dict(old.attrs)
    way = chance.randrange(5)
    changed = (
        values[: len(values) // 2],
        np.concatenate([values, values]),
        values.reshape(1, *values.shape),
        np.zeros((0, *values.shape[1:]), values.dtype),
        values.ravel()[:1].reshape(()) if values.size else values,
    )[way]
    del file[name]
    file[name] = changed
    file[name].attrs.update(attributes)


def _retype(file: h5py.File, name: str, chance: random.Random) -> None:
    old = file[name]
    if not isinstance(old, h5py.Dataset) or old.dtype.kind not in "iufb":
        return
    values, attributes = old[()], dict(old.attrs)
    kind = chance.choice(("f2", "f8", "i1", "u8", "c8", "S4", "?", "V4"))
    del file[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file[name] = np.zeros(values.shape, kind) if kind == "V4" else values.astype(kind)
    file[name].attrs.update(attributes)


def _values(file: h5py.File, name: str, chance: random.Random) -> None:
    old = file[name]
    if not isinstance(old, h5py.Dataset) or not old.shape or not old.size:
        return
    at = tuple(chance.randrange(n) for n in old.shape)
    if old.dtype.kind in "iu":
        limits = np.iinfo(old.dtype)
        old[at] = int(np.clip(chance.choice(ODD_NUMBERS), limits.min, limits.max))
    elif old.dtype.kind == "f":
        old[at] = chance.choice((np.nan, np.inf, -np.inf, -1.0, 0.5, 1e300, 1e-300))
    elif old.dtype.kind == "O":
        old[at] = chance.choice(("", "\udce9".encode("utf-8", "surrogateescape"), "a" * 1000, "💊"))


def _huge(file: h5py.File, name: str, chance: random.Random) -> None:
    old = file[name]
    if not isinstance(old, h5py.Dataset) or not old.shape:
        return
    attributes, n = dict(old.attrs), chance.choice((10**7, 10**9, 10**12))
    shape = (n, *old.shape[1:]) if chance.random() < 0.8 else (n,) * len(old.shape)
    kind = old.dtype
    del file[name]
    made = file.create_dataset(name, shape=shape, dtype=kind, chunks=(1,) * len(shape))
    made.attrs.update(attributes)


def _outside(file: h5py.File, name: str, chance: random.Random) -> None:
    old = file[name]
    if not isinstance(old, h5py.Dataset) or old.dtype.kind not in "iuf" or not old.shape:
        return
    shape, attributes = old.shape, dict(old.attrs)
    size = int(np.prod(shape)) * 4
    del file[name]
    if chance.random() < 0.5:
        made = file.create_dataset(
            name, shape=shape, dtype="f4", external=[("other.h5ad", 0, size)]
        )
    else:
        layout = h5py.VirtualLayout(shape=shape, dtype="f4")
        layout[...] = h5py.VirtualSource("other.h5ad", "X/data", shape=shape)
        made = file.create_virtual_dataset(name, layout)
    made.attrs.update(attributes)


def _attribute(file: h5py.File, name: str, chance: random.Random) -> None:
    attributes = file[name].attrs
    if not len(attributes):
        return
    key = chance.choice(sorted(attributes))
    way = chance.randrange(4)
    if way == 0:
        del attributes[key]
        return
    attributes[key] = chance.choice(
        (
            *ODD_NUMBERS[:6], "", "csr_matrix", "dataframe", "categorical", "null", "dict", "9.9.9",
            "nullable-integer", "awkward-array", "_index", "/X", "..", np.array([3, 3]),
            np.array([-1, 2**40]), np.array(["a", "b"], dtype=object), np.float64("nan"),
            h5py.Empty("f"),
        )
    )  # fmt: skip


WAYS: tuple[Callable[[h5py.File, str, random.Random], None], ...] = (
    _drop, _rename, _link, _cycle, _swap, _reshape, _retype, _values, _values, _huge, _outside,
    _attribute, _attribute,
)  # fmt: skip


# Readers ------------------------------------------------------------------------------------------


def refused(sentences: list[str]) -> str:
    """Count as refused when there are sentences, of a length that somebody reads."""
    if not sentences or not all(s.strip() and len(s) < MOST_LETTERS for s in sentences):
        msg = f"no sentence: {sentences!r}"[:200]
        raise RuntimeError(msg)
    return REFUSED


def guarded(path: Path) -> bool:
    """Whether the workflow's guard names a file on which a reader was lost."""
    try:
        check_readable([path])
    except InputError:
        return True
    return False


def read_cells(path: Path, chance: random.Random) -> str:
    """Check a file, and when it is accepted, read and normalise it."""
    fields = {"path": str(path), "condition": "c"}
    split = chance.random() < 0.5
    samples = (
        [Sample(sample=v, obs_column="library", obs_value=v, **fields) for v in ("L1", "L2")]
        if split
        else [Sample(sample="s", **fields)]
    )
    options: dict = {
        "counts_layer": chance.choice((None, "counts")),
        "gene_column": chance.choice((None, "symbol")),
        "use_rep": chance.choice((None, "X_rep")),
        "modality": chance.choice(("rna", "cytometry")),
    }
    try:
        check_samples(samples, **options)
        check_annotation([path], annotation_key="type")
        adata = join_samples(samples, **options)
        quality_control(adata, min_genes=1, min_cells=1, modality=options["modality"])
    except InputError as error:
        return refused(error.problems)
    normalise(adata, modality=options["modality"])
    return ACCEPTED


def read_settings(text: str | bytes, folder: Path) -> str:
    """Parse as Snakemake does, whose own sentence stands for what is no YAML; then check."""
    (folder / "config.yaml").write_bytes(text if isinstance(text, bytes) else _utf8(text))
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return REFUSED
    try:
        load(config)
    except SettingsError as error:
        return refused(error.problems)
    return ACCEPTED


def read_sheet(content: bytes, folder: Path) -> str:
    """Check a sample sheet with the config beside it."""
    (folder / "samples.tsv").write_bytes(content)
    return read_settings(CONFIG, folder)


def read_page(content: bytes, folder: Path) -> str:
    """Take the recipe out of a page, and write it out when it is accepted."""
    page, out = folder / "spoiled.html", folder / "again"
    page.write_bytes(content)
    try:
        read_recipe(page)
        extract(page, out)
    except ValueError as error:
        if out.exists():
            raise RuntimeError("half-written") from error
        return refused([str(error)])
    assert sorted(p.name for p in out.iterdir()) == sorted(FILES)
    shutil.rmtree(out)
    return ACCEPTED


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _hdf5_bytes(folder: Path, chance: random.Random) -> str:
    seed = folder / f"{chance.choice(('csr', 'csc', 'dense'))}.h5ad"
    path = folder / "spoiled.h5ad"
    path.write_bytes(spoil_bytes(seed.read_bytes(), chance))
    return read_cells(path, chance)


def _hdf5_parts(folder: Path, chance: random.Random) -> str:
    seed = folder / f"{chance.choice(('csr', 'csc', 'dense'))}.h5ad"
    path = folder / "spoiled.h5ad"
    path.write_bytes(seed.read_bytes())
    # what HDF5 does not let be made is made half, which is a case too
    with contextlib.suppress(OSError, RuntimeError, KeyError, ValueError, TypeError):
        spoil_hdf5(path, chance)
    return read_cells(path, chance)


def _config_text(folder: Path, chance: random.Random) -> str:
    (folder / "samples.tsv").write_text(SHEET, encoding="utf-8")
    text = bomb(chance) if chance.random() < 0.1 else spoil_text(CONFIG, chance)
    return read_settings(text, folder)


def _config_bytes(folder: Path, chance: random.Random) -> str:
    (folder / "samples.tsv").write_text(SHEET, encoding="utf-8")
    return read_settings(spoil_bytes(CONFIG.encode(), chance), folder)


def _sheet_text(folder: Path, chance: random.Random) -> str:
    return read_sheet(_utf8(spoil_text(SHEET, chance)), folder)


def _sheet_bytes(folder: Path, chance: random.Random) -> str:
    return read_sheet(spoil_bytes(SHEET.encode(), chance), folder)


def _page_text(folder: Path, chance: random.Random) -> str:
    return read_page(_utf8(spoil_text(_page(folder), chance)), folder)


def _page_bytes(folder: Path, chance: random.Random) -> str:
    return read_page(spoil_bytes(_page(folder).encode(), chance), folder)


#: kind -> (words for the table, share of all inputs, what makes and reads one)
KINDS: dict[str, tuple[str, float, Callable[[Path, random.Random], str]]] = {
    "hdf5 bytes": ("h5ad: bytes flipped, cut, inserted", 0.30, _hdf5_bytes),
    "hdf5 parts": ("h5ad: parts dropped, linked, reshaped", 0.34, _hdf5_parts),
    "config text": ("config: lines and words, YAML aliases", 0.08, _config_text),
    "config bytes": ("config: bytes", 0.06, _config_bytes),
    "sheet text": ("sample sheet: lines and words", 0.08, _sheet_text),
    "sheet bytes": ("sample sheet: bytes", 0.06, _sheet_bytes),
    "page text": ("report page: lines and words", 0.04, _page_text),
    "page bytes": ("report page: bytes", 0.04, _page_bytes),
}
