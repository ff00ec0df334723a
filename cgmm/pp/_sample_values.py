"""Values of columns of ``obs`` in each sample, read without the matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cgmm.pp._columns import labels_of, read_column, table_columns
from cgmm.pp._read import Cells, opened
from cgmm.pp._reading import Reading
from cgmm.pp._samples import InputError, Sample, listed


def sample_values(
    samples: Sequence[Sample],
    columns: Sequence[str],
    *,
    reading: Mapping[str, Any] | None = None,
) -> list[dict[str, str]]:
    """Return the value of columns of ``obs`` in each sample, as text.

    Parameters
    ----------
    samples
        The samples.
    columns
        The columns, each with one value in all cells of a sample.
    reading
        As for :func:`check_samples`.

    Returns
    -------
    list of dict
        One per sample: the value of each column, "" where it is missing in all cells.

    Raises
    ------
    InputError
        With one sentence per problem: a column that is not there, or that has several values in a
        sample.
    """
    problems: list[str] = []
    found: dict[str, dict[str, str]] = {}
    for path in dict.fromkeys(sample.path for sample in samples):
        with opened(path, Reading.of(reading)) as file:
            there, cells = table_columns(file["obs"]), Cells(file)
            for name in columns:
                if name not in there:
                    problems.append(
                        f"{path}: obs has no column {name!r}, which the design names (columns: "
                        f"{listed(there)}). Correct the design, or add the column to the sheet."
                    )
                    continue
                labels = labels_of(read_column(file, "obs", name))
                for sample in (s for s in samples if s.path == path):
                    values = sorted({"" if v is None else str(v) for v in labels[cells.of(sample)]})
                    if len(values) > 1:
                        problems.append(
                            f"Sample {sample.sample}: obs {name!r}, which the design names, has "
                            f"{listed(values)}: it must be the same in all cells of a sample."
                        )
                    found.setdefault(sample.sample, {})[name] = values[0]
    if problems:
        raise InputError(problems)
    return [found.get(sample.sample, {}) for sample in samples]
