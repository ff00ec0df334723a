"""What a sample is, and the error that names everything wrong with the samples given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RNA = "rna"
CYTOMETRY = "cytometry"

#: what is done with genes that some files lack
LEAVE_OUT = "leave_out"
ZERO = "zero"


class InputError(ValueError):
    """Something the user gave cannot be used.

    Parameters
    ----------
    problems
        One sentence per problem: what is wrong, where, what to do.

    Attributes
    ----------
    problems
        The same sentences as a list.
    """

    def __init__(self, problems: Iterable[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample: a row of the sample sheet.

    Parameters
    ----------
    sample
        Its name, unique.
    path
        The h5ad file that holds its cells.
    condition
        Its condition.
    donor, batch
        The person or animal, the processing batch; empty when not known.
    obs_column, obs_value
        For a file that holds several samples: the cells of this one are those whose
        ``obs[obs_column]`` reads ``obs_value``. Empty: every cell of the file.
    """

    sample: str
    path: str
    condition: str
    donor: str = ""
    batch: str = ""
    obs_column: str = ""
    obs_value: str = ""


def check_modality(modality: str, samples: Sequence[Sample] | None = None) -> None:
    """Refuse a modality that is not known, and a list without samples."""
    if modality not in (RNA, CYTOMETRY):
        msg = f'modality={modality!r} is not known: give "{RNA}" or "{CYTOMETRY}".'
        raise InputError(msg)
    if samples is not None and not samples:
        msg = "There is no sample: give at least one."
        raise InputError(msg)


def check_missing_genes(missing_genes: str) -> None:
    """Refuse a way to treat missing genes that is not known."""
    if missing_genes not in (LEAVE_OUT, ZERO):
        msg = f'missing_genes={missing_genes!r} is not known: give "{LEAVE_OUT}" or "{ZERO}".'
        raise InputError(msg)


def notice(level: str, text: str, advice: str = "") -> dict[str, str]:
    """One remark for the report: ``level`` is "warning" or "info"."""
    return {"level": level, "text": text, "advice": advice}


def listed(names: Iterable[object], *, most: int = 8) -> str:
    """Write names as ``a, b, c`` and say how many more there are."""
    texts = [str(name) for name in names]
    if not texts:
        return "none"
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")
