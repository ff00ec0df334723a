"""Fingerprints of code: Snakemake runs a job again when the fingerprint of its code changes."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

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
    return total.hexdigest()[:16]


@functools.cache
def _parsed(source: bytes) -> tuple[bytes, tuple[ast.Import | ast.ImportFrom, ...]]:
    """Return the hash of a file and its import statements; cached, as several rules share files."""
    tree = ast.parse(source)
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return hashlib.sha256(ast.dump(tree).encode()).digest(), tuple(imports)


def _content(file: Path) -> bytes:
    """Return what counts of a file: its syntax tree, or its bytes when it is not Python."""
    content = file.read_bytes()
    return _parsed(content)[0] if file.suffix == ".py" else content


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
    for node in _parsed(file.read_bytes())[1]:
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("cgmm."))
        else:
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module == "cgmm" or module.startswith("cgmm."):
                yield module
                yield from (f"{module}.{a.name}" for a in node.names)
