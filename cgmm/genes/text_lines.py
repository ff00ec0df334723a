"""Lines of a text file that a user gives, or a sentence on why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cgmm.pp._samples import InputError


@dataclass(frozen=True)
class TextFile:
    """What the sentences say of a file of one kind.

    Attributes
    ----------
    kind, path_of
        What such a file is, and what a user gives the path of.
    what, key
        What it holds, and the setting that names it.
    correct, save
        What to correct when the file is too large, and how to save it as text.
    max_bytes
        Largest size; a larger file is another one.
    """

    kind: str
    path_of: str
    what: str
    key: str
    correct: str
    save: str
    max_bytes: int

    def lines(self, path: Path) -> list[str]:
        """Return the lines of a file in UTF-8.

        Raises
        ------
        InputError
            With one sentence, when the file cannot be read as text of this kind.
        """
        try:
            if path.is_dir():
                msg = f"{path}: it is a folder. Give the path of a {self.path_of}."
                raise InputError(msg)
            if path.stat().st_size > self.max_bytes:
                size = f"{self.max_bytes / 1e6:.0f} MB"
                msg = (
                    f"{path}: larger than {size}, so it is no {self.kind}. Correct {self.correct}."
                )
                raise InputError(msg)
            return path.read_text(encoding="utf-8-sig").splitlines()
        except InputError:
            raise
        except UnicodeDecodeError as error:
            msg = f"{path}: not a text file in UTF-8. Save {self.save}."
            raise InputError(msg) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            msg = f"{path}: {self.what} cannot be read ({why}). Correct `{self.key}`."
            raise InputError(msg) from error
