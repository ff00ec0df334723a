"""Atomic writes of files, and their checksums.

Every file is written under a temporary name in its folder, flushed to the disk, and then renamed.
A reader therefore sees the old file or the new file, never a part of a file.  A process that is
killed leaves its temporary file behind; the next process that writes the same file removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HOST = "".join(c if c.isalnum() else "_" for c in socket.gethostname())


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    Raises
    ------
    OSError
        When the disk is full, also when that shows only at the flush.  ``path`` is then unchanged.
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
        # mkstemp makes files that only their owner can read: set the usual permissions
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _late_errors(path: Path) -> Iterator[None]:
    """Raise an OSError for writes that failed while HDF5 closed its objects.

    Python only prints these errors, and closing the file may succeed although a block is lost.
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


def is_full(error: BaseException) -> bool:
    """Return whether an error says that there is no room, which HDF5 puts into its text only."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError | RuntimeError) and (
        getattr(error, "errno", None) in full
        or any(f"errno = {code}," in str(error) for code in full)
    )


def _failed_write(error: BaseException | None) -> bool:
    """Return whether an error comes from a failed write of HDF5."""
    return isinstance(error, OSError | RuntimeError) and "write failed" in str(error)


def _to_disk(path: Path) -> None:
    """Flush a file to the disk, which raises an error when the disk is full."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_leftovers(path: Path, suffix: str) -> None:
    """Remove temporary files of ``path`` from processes of this machine that have ended."""
    start = f".{path.name}.{_HOST}-"
    for other in path.parent.iterdir():
        name = other.name
        if name.startswith(start) and name.endswith(suffix):
            writer = name.removeprefix(start).split("-")[0]
            if writer.isdigit() and not _runs(int(writer)):
                other.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Return whether a process with this number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def checksum(path: Path | str) -> str:
    """SHA-256 of a file, read in blocks; of a folder, that of the names and checksums in it."""
    place = Path(path)
    if not place.is_dir():
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file_in in sorted(p for p in place.rglob("*") if p.is_file()):
        total.update(f"{file_in.relative_to(place).as_posix()}\0{checksum(file_in)}\0".encode())
    return total.hexdigest()
