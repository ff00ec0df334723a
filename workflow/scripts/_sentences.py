"""Errors of a job as one sentence that says what to do."""

import errno
import json
import zipfile
import zlib
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, json.JSONDecodeError)
UNREADABLE += (zlib.error, zipfile.BadZipFile)


def sentence(error, inputs):
    """Return the sentence for an error: its text, and its kind where the text says too little."""
    text = str(error)
    # HDF5 gives the number of the error only in its text
    if isinstance(error, OSError) and any(
        error.errno == code or f"errno = {code}," in text for code in FULL
    ):
        return (
            "The disk is full, or a quota is used up. Make room and run again: what is finished "
            f"is kept. ({type(error).__name__}: {text})"
        )
    made = [str(path) for path in inputs if "results" in Path(path).parts]
    if isinstance(error, UNREADABLE) and made:
        return (
            f"A file cannot be read ({type(error).__name__}: {text}). If one of {', '.join(made)} "
            "was damaged, delete it and run again: it will be made anew."
        )
    if isinstance(error, MemoryError):
        return "There is not enough memory. Use a machine with more, or fewer cells."
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return (
        text
        if isinstance(error, ValueError | KeyError) and text
        else f"{type(error).__name__}: {text}"
    )
