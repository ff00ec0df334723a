"""Gene sets, as a user gives them: a file in the format GMT, or a mapping.

A line of a GMT file has the name of a set, a description or link, and its genes, separated by tabs.
Lines that start with ``#`` are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from cgmm.genes.marker_table import places_of, some
from cgmm.genes.text_lines import TextFile
from cgmm.pp._samples import InputError

GeneSets = str | os.PathLike[str] | Mapping[str, Sequence[str]]
GMT = TextFile(
    kind="GMT file",
    path_of="GMT file",
    what="the gene sets",
    key="gene_sets",
    correct="it",
    save="the gene sets as text (UTF-8)",
    max_bytes=50_000_000,
)
MAX_SETS = 50_000
MAX_NAME = 300  # characters


@dataclass(frozen=True)
class ReadSets:
    """Gene sets, checked.

    Attributes
    ----------
    names
        Names of the sets, in the order of the file, each once.
    genes
        Genes of every set, each once.
    """

    names: tuple[str, ...]
    genes: tuple[tuple[str, ...], ...]


def read_gene_sets(sets: GeneSets) -> ReadSets:
    """Read and check gene sets.

    Parameters
    ----------
    sets
        Path of a GMT file in UTF-8; or the genes of every set by its name.

    Raises
    ------
    InputError
        With one sentence, when the sets cannot be used.
    TypeError
        When ``sets`` is neither a path nor a mapping.
    """
    if isinstance(sets, Mapping):
        where, lines = "gene_sets", iter(_of_mapping(sets))
    elif isinstance(sets, str | os.PathLike):
        where, lines = str(sets), _of_file(Path(sets))
    else:
        msg = (
            "gene_sets must be the path of a GMT file, or a mapping from the names of sets to "
            f"their genes, not {type(sets).__name__}."
        )
        raise TypeError(msg)
    found: dict[str, tuple[str, ...]] = {}
    for name, genes in lines:
        if name in found:
            msg = f"{where}: the set {name[:100]!r} occurs twice. Rename or remove one."
            raise InputError(msg)
        found[name] = tuple(dict.fromkeys(gene for gene in genes if gene))
        if len(found) > MAX_SETS:
            msg = f"{where}: more than {MAX_SETS:,} sets. Choose the sets that you ask about."
            raise InputError(msg)
    if not any(found.values()):
        msg = f"{where}: there is no gene set in it. Write one set per line: name, link, genes."
        raise InputError(msg)
    return ReadSets(tuple(found), tuple(found.values()))


def members_of(
    sets: ReadSets,
    genes: Sequence[str] | np.ndarray,
    *,
    other_names: Mapping[str, Sequence[str]] | None = None,
) -> sp.csr_array:
    """Return which genes of data are in which sets, shape (n_sets, n_genes), of bool.

    Parameters
    ----------
    sets
        The sets.
    genes
        Names of the genes of the data, length n_genes. A gene is looked up as in a marker table
        (:func:`cgmm.genes.marker_table.find_markers`).
    other_names
        Further names of the same genes, by the column they are from.

    Raises
    ------
    InputError
        When the data have none of the genes.
    """
    wanted = list(dict.fromkeys(gene for own in sets.genes for gene in own))
    place = places_of(wanted, [genes, *(other_names or {}).values()])
    if not place:
        msg = (
            f"None of the genes of the gene sets ({some(wanted)}) is in the data, whose genes are "
            f"called {some(list(genes), 3)}: take sets with the gene names of the data."
        )
        raise InputError(msg)
    pairs = [(i, place[gene]) for i, own in enumerate(sets.genes) for gene in own if gene in place]
    row, column = np.unique(np.array(pairs), axis=0).T
    shape = (len(sets.names), len(genes))
    return sp.csr_array((np.ones(len(row), dtype=bool), (row, column)), shape=shape)


def _of_mapping(sets: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    for name, genes in sets.items():
        if isinstance(genes, str):
            msg = f"gene_sets: the genes of {str(name)[:100]!r} are one text. Give a list of genes."
            raise InputError(msg)
        yield str(name), [str(gene).strip() for gene in genes]


def _of_file(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the genes of every line."""
    for number, line in enumerate(GMT.lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip().strip('"') for field in line.split("\t")]
        if len(fields) < 3:
            msg = (
                f"{path}, line {number}: a gene set needs a name, a link or description, and "
                "genes, separated by tabs. Save the file in the format GMT."
            )
            raise InputError(msg)
        if not fields[0] or len(fields[0]) > MAX_NAME:
            msg = (
                f"{path}, line {number}: the name of the set is "
                f"{'empty' if not fields[0] else f'longer than {MAX_NAME} characters'}. Correct it."
            )
            raise InputError(msg)
        yield fields[0], fields[2:]
