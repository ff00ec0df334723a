"""Counts of samples in blocks of rows: each file is read once, from its first row to its last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._utils.rows import row_blocks, row_ends
from cgmm.pp._file_checks import check_indices
from cgmm.pp._one_name import Features
from cgmm.pp._prepare import check_all_values
from cgmm.pp._read import Cells, opened, values_of
from cgmm.pp._reading import DEFAULT, Reading
from cgmm.pp._samples import InputError, Sample


class Block(NamedTuple):
    """Some rows of a file."""

    values: Any  #: float32 CSR, one column per gene of the joined object
    rows: np.ndarray  #: where each row belongs in the joined object, shape (n_rows,)


def blocks_of(
    samples: Sequence[Sample],
    features: dict[str, Features],
    genes: pd.Index,
    *,
    counts_layer: str | None,
    reading: Reading = DEFAULT,
    check: bool = False,
) -> Iterator[Block]:
    """Go through the counts of all samples.

    Parameters
    ----------
    samples
        The samples; rows of the joined object are in their order, and within a sample in the order
        of its file.
    features
        Features of each file, by path.
    genes
        Genes of the joined object.
    counts_layer, reading
        As for :func:`cgmm.pp.check_samples`.
    check
        Whether to check every value.

    Raises
    ------
    InputError
        When a file cannot be read, two samples share cells, or a value is no count (``check``).
    """
    files: dict[str, list[Sample]] = {}
    for sample in samples:
        files.setdefault(sample.path, []).append(sample)
    rows: dict[str, np.ndarray] = {}
    for path, here in files.items():
        with opened(path, reading) as file:
            cells = Cells(file)
            rows |= {sample.sample: cells.of(sample) for sample in here}
    ends = np.cumsum([0, *(len(rows[sample.sample]) for sample in samples)])
    starts = {sample.sample: int(end) for sample, end in zip(samples, ends[:-1], strict=True)}
    for path, here in files.items():
        owners = _owners(here, rows)
        places = np.full(len(owners), -1)
        for sample in here:
            mine = rows[sample.sample]
            places[mine] = starts[sample.sample] + np.arange(len(mine))
        with opened(path, reading) as file:
            stored = values_of(file, layer=counts_layer)
            columns = _columns(features[path], genes)
            yield from _of_file(stored, here, owners, places, columns, check=check)


def _owners(samples: Sequence[Sample], rows: dict[str, np.ndarray]) -> np.ndarray:
    """Which of the samples of a file each row belongs to, -1: to none."""
    n_rows = 1 + max(int(rows[sample.sample].max()) for sample in samples)
    owners = np.full(n_rows, -1)
    for i, sample in enumerate(samples):
        mine = rows[sample.sample]
        before = owners[mine]
        if (before >= 0).any():
            other = samples[int(before[before >= 0][0])]
            msg = (
                f"Samples {other.sample} and {sample.sample} share {(before >= 0).sum()} cells of "
                f"{sample.path}, which would count twice. Correct the sample sheet, or remove one "
                "of them."
            )
            raise InputError(msg)
        owners[mine] = i
    return owners


def _of_file(
    stored: h5py.Group | h5py.Dataset,
    samples: Sequence[Sample],
    owners: np.ndarray,
    places: np.ndarray,
    columns: np.ndarray | None,
    *,
    check: bool,
) -> Iterator[Block]:
    """Go through the rows of a file that belong to its samples."""
    ends = row_ends(stored)
    dense = isinstance(stored, h5py.Dataset)
    n_stored = int(stored.shape[1] if dense else stored.attrs["shape"][1])
    wanted = np.zeros(len(ends) - 1, dtype=bool)
    wanted[: len(owners)] = owners >= 0
    rows = np.flatnonzero(wanted)
    seen = np.zeros(len(samples), dtype=bool)
    at = 0
    for block in row_blocks(stored, wanted, ends=ends):
        mine = rows[at : at + block.shape[0]]
        at += block.shape[0]
        check_indices(block.indices, n_stored, stored)
        block.sum_duplicates()
        block.data = block.data.astype(np.float32)
        block.eliminate_zeros()
        if check and block.nnz:
            seen[owners[mine][np.diff(block.indptr) > 0]] = True
            _check(block, owners[mine], samples)
        chosen = block if columns is None else _taken(block, columns)
        chosen.sort_indices()
        yield Block(chosen, places[mine])
    if check:
        for sample, any_value in zip(samples, seen, strict=True):
            if not any_value:
                check_all_values(np.zeros(1), sample)


def _check(block: Any, owners: np.ndarray, samples: Sequence[Sample]) -> None:
    """Check the values of a block; an error names the sample that holds the wrong ones."""
    try:
        check_all_values(block, samples[int(owners[0])])
    except InputError:
        for i in dict.fromkeys(owners.tolist()):
            part = block[owners == i]
            if part.nnz:
                check_all_values(part, samples[i])
        raise


def _columns(features: Features, genes: pd.Index) -> np.ndarray | None:
    """Where each gene stands in a stored matrix, -1 where it is missing; None: all, in order."""
    at = features.names.get_indexer(genes)
    found = np.where(at < 0, -1, features.columns[at])
    same = len(found) == features.n_stored and bool((found == np.arange(len(found))).all())
    return None if same else found


def _taken(block: Any, columns: np.ndarray) -> Any:
    """Columns of a CSR matrix; a column that it lacks (-1) is empty."""
    missing = columns < 0
    if not missing.any():
        return block[:, columns]
    taken = block[:, columns[~missing]].tocsr()
    places = np.flatnonzero(~missing)
    return sp.csr_matrix(
        (taken.data, places[taken.indices], taken.indptr), shape=(block.shape[0], len(columns))
    )
