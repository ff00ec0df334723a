"""Whether every cell is counted once: equal files, samples that overlap, copies of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata.io import read_elem

from cgmm.pp._read import opened, values_of
from cgmm.pp._reading import DEFAULT, Reading
from cgmm.pp._samples import InputError, Sample, listed

MIN_SHARED = 0.05  # of the names of the smaller sample; below, names meet by chance
N_COMPARED = 8  # cells whose values are compared
MIN_EQUAL = 0.75  # of them
MIN_VALUES = 10  # a cell with fewer may have a twin by chance
MIN_COPIES = 0.01  # of the cells of the smaller sample
MIN_COPIES_OF_EVENTS = 0.5  # events of an instrument with few channels may be equal by chance
MAX_READ = 20_000_000  # values of a matrix stored by columns


class Seen:
    """Cells of the samples that were checked so far; each cell is looked at once."""

    def __init__(self) -> None:
        self._names: list[pd.Index] = []
        self._rows: list[np.ndarray] = []
        self._samples: list[Sample] = []
        self._owners: dict[str, np.ndarray] = {}

    def add(self, sample: Sample, rows: np.ndarray, names: pd.Index, digest: str) -> list[str]:
        """Take in the cells of a sample; returns a sentence when the file gave them before.

        Parameters
        ----------
        sample
            The sample.
        rows, names
            Where its cells are in the file, and what all cells of the file are called.
        digest
            Checksum of the file: a copy under another name is the same file.
        """
        owner = self._owners.setdefault(digest, np.full(len(names), -1))
        before = owner[rows]
        owner[rows] = len(self._samples)
        self._names.append(names[rows])
        self._rows.append(rows)
        self._samples.append(sample)
        if not (before >= 0).any():
            return []
        other = self._samples[int(before[before >= 0][0])]
        same = (
            f"of {sample.path}"
            if other.path == sample.path
            else f"({other.path} and {sample.path} are copies of one file)"
        )
        return [
            f"Samples {other.sample} and {sample.sample} share {(before >= 0).sum()} cells {same}, "
            "which would count twice. Correct the sample sheet, or remove one of them."
        ]

    def problems_of_copies(self, counts_layer: str | None, reading: Reading = DEFAULT) -> list[str]:
        """Sentences about samples of different files that hold the same cells."""
        if len({sample.path for sample in self._samples}) < 2:
            return []
        sizes = [len(names) for names in self._names]
        owner = np.repeat(np.arange(len(sizes)), sizes)
        places = np.concatenate([np.arange(n) for n in sizes])
        codes, _ = pd.factorize(np.concatenate([n.to_numpy(dtype=object) for n in self._names]))
        _, first = np.unique(codes, return_index=True)
        twice = first[codes] != np.arange(len(codes))
        table = pd.DataFrame(
            {
                "a": owner[first[codes[twice]]],
                "b": owner[twice],
                "row_a": places[first[codes[twice]]],
                "row_b": places[twice],
            }
        )
        problems = []
        for pair, shared in table.groupby(["a", "b"]):
            a, b = np.array(pair, dtype=int).tolist()
            one, two = self._samples[a], self._samples[b]
            if one.path == two.path or len(shared) < MIN_SHARED * min(sizes[a], sizes[b]):
                continue
            picked = shared.iloc[np.linspace(0, len(shared) - 1, N_COMPARED).astype(int)]
            picked = picked.drop_duplicates()
            values = [
                _values_of_cells(
                    sample.path, self._rows[i][picked[at].to_numpy()], counts_layer, reading
                )
                for sample, i, at in ((one, a, "row_a"), (two, b, "row_b"))
            ]
            equal = [
                len(x) >= MIN_VALUES and np.array_equal(x, y) for x, y in zip(*values, strict=True)
            ]
            if np.mean(equal) >= MIN_EQUAL:
                name = self._names[a][picked["row_a"].iloc[0]]
                problems.append(
                    f"Samples {one.sample} and {two.sample} hold the same cells: {len(shared)} "
                    f"names are in {one.path} and in {two.path}, with the same values (such as "
                    f"{name}). Remove these cells from one of the files, or one of the samples."
                )
        return problems


def _values_of_cells(
    path: str, rows: np.ndarray, layer: str | None, reading: Reading
) -> list[np.ndarray]:
    """Values of some cells that are not zero, in increasing order."""
    with opened(path, reading) as file:
        stored = values_of(file, layer=layer)
        if isinstance(stored, h5py.Dataset):
            found = [np.asarray(stored[int(row)]) for row in rows]
        elif stored.attrs.get("encoding-type") == "csr_matrix":
            ends = np.asarray(stored["indptr"][()], dtype=np.int64)
            found = [np.asarray(stored["data"][ends[row] : ends[row + 1]]) for row in rows]
        elif stored["data"].shape[0] <= MAX_READ:
            whole: Any = read_elem(stored)
            found = [sp.csr_matrix(whole[row]).data for row in rows]
        else:
            found = [np.zeros(0) for _ in rows]
    return [np.sort(values[values != 0]) for values in found]


def signatures(matrix: Any, genes: pd.Index) -> np.ndarray:
    """One number per row of counts (CSR), equal for equal rows; NaN for rows that say too little.

    The sum of the counts, each times a whole number that belongs to the name of the gene, which
    float64 holds exactly.
    """
    weights = (pd.util.hash_array(np.asarray(genes, dtype=object)) >> 38).astype(np.float64)
    found = np.asarray(matrix @ weights, dtype=float).ravel()
    found[np.diff(matrix.indptr) < MIN_VALUES] = np.nan
    return found


def signatures_of_events(values: Any, features: pd.Index) -> np.ndarray:
    """One number per row of channels, equal for equal rows, whatever the order of the channels."""
    table = pd.DataFrame(np.asarray(values)[:, np.argsort(np.asarray(features, dtype=str))])
    found = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return (found >> 11).astype(np.float64)


def check_copies(
    samples: Sequence[Sample], parts: Sequence[np.ndarray], *, least: float = MIN_COPIES
) -> None:
    """Check that no cell has the counts of another cell, of the same sample or of another one.

    Parameters
    ----------
    samples
        The samples.
    parts
        For each, the :func:`signatures` of its cells.
    least
        Part of the cells of the smaller sample that must have a twin; fewer may have one by chance.

    Raises
    ------
    InputError
        When more cells have a twin than chance explains.
    """
    sizes = [len(part) for part in parts]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    marks = np.concatenate(list(parts))
    good = np.isfinite(marks)
    owner, marks = owner[good], marks[good]
    _, first, place = np.unique(marks, return_index=True, return_inverse=True)
    again = first[place] != np.arange(len(place))
    pairs = pd.DataFrame({"a": owner[first[place]], "b": owner})[again]
    problems = []
    for pair, shared in pairs.groupby(["a", "b"]):
        a, b = np.array(pair, dtype=int).tolist()
        n = len(shared)
        if n < max(3, least * min(sizes[a], sizes[b])):
            continue
        one, two = samples[a], samples[b]
        if a == b:
            problems.append(
                f"Sample {one.sample}: {n} cells of {one.path} have exactly the counts of another "
                "cell of it. Remove the copies."
            )
        else:
            problems.append(
                f"Samples {one.sample} and {two.sample} hold the same cells: {n} cells of "
                f"{two.path} have exactly the counts of cells of {one.path}. Remove these cells "
                f"from one of them, or one of the samples ({listed([one.sample, two.sample])})."
            )
    if problems:
        raise InputError(problems)
