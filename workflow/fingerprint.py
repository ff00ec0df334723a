"""Fingerprints of code: Snakemake runs a job again when the fingerprint of its code changes."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "__pycache__" / f"fingerprints.{sys.implementation.cache_tag}.json"
MAX_KEPT = 1000
WRITERS = ("cgmm/_utils/files.py", "cgmm/_utils/h5ad.py")  # their imports change no result


def digest(root: Path, *starts: str) -> str:
    """Return the fingerprint of modules of cgmm and of all that they import, directly or not.

    Comments and layout do not count. Files of a package that are not Python (templates, styles)
    count as they are.

    Parameters
    ----------
    root
        The folder that holds ``cgmm``.
    *starts
        Dotted names, such as ``cgmm.tl``.

    Returns
    -------
    str
        The first 16 digits of a SHA-256.
    """
    found: dict[Path, None] = {}
    n_known = len(_kept())
    waiting = [file for start in starts for file in _files(root, start)]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        if file.suffix == ".py" and file.relative_to(root).as_posix() not in WRITERS:
            waiting += [f for name in _imports(file, root) for f in _files(root, name)]
    total = hashlib.sha256()
    for file in sorted(found):
        total.update(file.relative_to(root).as_posix().encode() + b"\0" + _content(file) + b"\0")
    if len(_kept()) > n_known:
        _keep(_kept())
    return total.hexdigest()[:16]


@functools.cache
def _kept() -> dict[str, Any]:
    """Return what is known of files, by their hash; reading all files takes a second."""
    try:
        return dict(json.loads(KEPT.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _keep(known: dict[str, Any]) -> None:
    """Keep what is known for the next process, where the folder can be written."""
    with contextlib.suppress(OSError):
        KEPT.parent.mkdir(exist_ok=True)
        part = KEPT.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(dict(list(known.items())[-MAX_KEPT:])), encoding="utf-8")
        part.replace(KEPT)


def _parsed(source: bytes) -> tuple[str, list[tuple[int | None, str, list[str]]]]:
    """Return the hash of the syntax tree of a file, and its imports: level, module and names."""
    known, key = _kept(), hashlib.sha256(source).hexdigest()
    if key not in known:
        tree = ast.parse(source)
        known[key] = (
            hashlib.sha256(ast.dump(tree).encode()).hexdigest(),
            [
                (node.level, node.module or "", [a.name for a in node.names])
                if isinstance(node, ast.ImportFrom)
                else (None, "", [a.name for a in node.names])
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
            ],
        )
    return known[key]


def _content(file: Path) -> bytes:
    """Return what counts of a file: its syntax tree, or its bytes when it is not Python."""
    content = file.read_bytes()
    return _parsed(content)[0].encode() if file.suffix == ".py" else content


def _files(root: Path, name: str) -> list[Path]:
    """Return the file of a module, or all files of a package; none when it is neither."""
    path = root.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    if name == "cgmm" or not path.is_dir():
        return []
    return [f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts]


def _imports(file: Path, root: Path) -> Iterator[str]:
    """Return the dotted names that a file may import from cgmm."""
    package = file.parent.relative_to(root).parts
    for level, module, names in _parsed(file.read_bytes())[1]:
        if level is None:
            yield from (name for name in names if name.startswith("cgmm."))
        else:
            base = ".".join(package[: len(package) - level + 1]) if level else ""
            full = ".".join(part for part in (base, module) if part)
            if full == "cgmm" or full.startswith("cgmm."):
                yield full
                yield from (f"{full}.{name}" for name in names)
