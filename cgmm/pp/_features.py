"""Which features of each file are used, and under which names files are joined.

Features are joined by name. Names are made so that one name is one gene in every file: features
that are no genes are left out, a gene without a symbol has its identifier for a name, and a symbol
that stands for two genes is completed by the identifier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.utils import make_index_unique

from cgmm.pp._columns import has_table, labels_of, read_column, table_columns, table_index
from cgmm.pp._names import ENSEMBL, looks_like_tag, without_version
from cgmm.pp._samples import RNA, InputError, listed, notice

GENE_EXPRESSION = "gene expression"
#: columns of var that say what a feature is, and what Cell Ranger writes into them
KIND_COLUMNS = ("feature_types", "feature_type")
KINDS = (
    GENE_EXPRESSION,
    "antibody capture",
    "antigen capture",
    "crispr guide capture",
    "custom",
    "multiplexing capture",
    "peaks",
)
#: columns of var that hold identifiers of genes, in the words of common programs
ID_COLUMNS = (
    "gene_ids",
    "gene_id",
    "ensembl_id",
    "ensembl_gene_id",
    "ensembl",
    "feature_id",
    "ensembl_ids",
    "id",
)


@dataclass(frozen=True)
class Choice:
    """Which features the user wants: names or patterns such as ``CD*``."""

    use: tuple[str, ...] = ()  #: none: all
    leave_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, features: Any) -> Choice:
        """Choice from what the config holds: a mapping with ``use`` and ``leave_out``, or None."""
        given = dict(features or {})
        if unknown := set(given) - {"use", "leave_out"}:
            msg = f"features: unknown key {listed(sorted(unknown))}; give use, leave_out or both."
            raise InputError(msg)
        return cls(*(tuple(map(str, given.get(key) or ())) for key in ("use", "leave_out")))


@dataclass(frozen=True)
class StoredFeatures:
    """What a file says about its features, one entry per column of the matrix."""

    names: np.ndarray  #: row names of var, or a column of it; None where the column is empty
    ids: np.ndarray | None  #: identifiers, where there are any that are complete and unique
    kinds: np.ndarray | None  #: what each feature is ("Gene Expression", "Antibody Capture")


@dataclass(frozen=True)
class Features:
    """The features of a file that are used."""

    names: pd.Index  #: unique
    columns: np.ndarray  #: where they stand in the stored matrix, increasing
    n_stored: int

    @property
    def all_used(self) -> bool:
        """Whether no feature of the file is left out."""
        return len(self.columns) == self.n_stored


@dataclass
class Resolved:
    """Features of all files, and what is to be said about them."""

    files: dict[str, Features] = field(default_factory=dict)
    notices: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_features(file: h5py.File, *, var: str, gene_column: str | None) -> StoredFeatures:
    """Read names, identifiers and kinds of the features of an open file.

    Parameters
    ----------
    file
        The open file.
    var
        Path of the table of the features.
    gene_column
        Column with the names; None: the row names.

    Raises
    ------
    InputError
        When there is no such column.
    """
    index = table_index(file[var]).to_numpy(dtype=object)
    columns = table_columns(file[var])
    if gene_column is None:
        names, ids = index, _identifiers(file, var, columns)
    else:
        names, ids = _named(file, var, gene_column, index), index
    if ids is not None and (pd.isna(ids).any() or not pd.Index(ids).is_unique):
        ids = None
    kinds = None
    for name in KIND_COLUMNS:
        if kinds is None and name in columns:
            found = labels_of(read_column(file, var, name))
            if {str(kind).lower() for kind in set(found)}.intersection(KINDS):
                kinds = found
    return StoredFeatures(names, ids, kinds)


def _named(file: h5py.File, var: str, column: str, index: np.ndarray) -> np.ndarray:
    """Names from a column of the table, or of ``var`` when ``raw/var`` lacks it."""
    if column in table_columns(file[var]):
        return labels_of(read_column(file, var, column))
    if var != "var" and has_table(file, "var") and column in table_columns(file["var"]):
        found = pd.Series(
            labels_of(read_column(file, "var", column)), index=table_index(file["var"])
        )
        if found.index.is_unique and set(index) <= set(found.index):
            return found.reindex(index).to_numpy(dtype=object)
    msg = (
        f"{file.filename}: {var} has no column {column!r} "
        f"(columns: {listed(table_columns(file[var]))}). Correct `gene_column` in the config, "
        "or set it to null to use the row names of var."
    )
    raise InputError(msg)


def _identifiers(file: h5py.File, var: str, columns: list[str]) -> np.ndarray | None:
    for name in columns:
        if name.lower() in ID_COLUMNS:
            return labels_of(read_column(file, var, name))
    return None


def resolve(
    stored: dict[str, StoredFeatures], *, modality: str = RNA, choice: Choice | None = None
) -> Resolved:
    """Choose the features of every file and give them names that mean the same in all files.

    Parameters
    ----------
    stored
        What each file says about its features, by path.
    modality
        For ``"rna"`` features that are no genes are left out.
    choice
        Features that the user names.

    Returns
    -------
    Resolved
    """
    choice = choice or Choice()
    found = Resolved()
    kept: dict[str, np.ndarray] = {}
    names: dict[str, np.ndarray] = {}
    for path, features in stored.items():
        names[path] = _complete(path, features, found)
        kept[path] = np.ones(len(names[path]), dtype=bool)
        if modality == RNA:
            kept[path] &= _genes_only(path, names[path], features, found)
    _apply(choice, names, kept, found)
    if modality == RNA:
        _note_tags(names, kept, found)
    chosen = {path: names[path][kept[path]] for path in stored}
    ids = {
        path: None
        if features.ids is None
        else np.array([without_version(str(i)) for i in features.ids[kept[path]]], dtype=object)
        for path, features in stored.items()
    }
    _tell_apart(chosen, ids, kept, found)
    for path, own in chosen.items():
        columns = np.flatnonzero(kept[path])
        found.files[path] = Features(
            pd.Index(make_index_unique(pd.Index(own, dtype=object)), dtype=object),
            columns,
            len(names[path]),
        )
    return found


def _complete(path: str, features: StoredFeatures, found: Resolved) -> np.ndarray:
    """Names, with the identifier where there is none."""
    empty = np.array([name is None or not str(name).strip() for name in features.names], bool)
    if not empty.any():
        return features.names
    if features.ids is None:
        found.problems.append(
            f"{path}: {empty.sum()} features have no name, and the row names of var are not "
            "unique. Give every feature a name."
        )
        return np.where(empty, "", features.names).astype(object)
    example = features.ids[empty][0]
    found.notices.append(
        notice(
            "info",
            f"{path}: {empty.sum()} genes without a name in `gene_column` are called by the row "
            f"names of var ({example}).",
        )
    )
    return np.where(empty, features.ids, features.names).astype(object)


def _genes_only(
    path: str, names: np.ndarray, features: StoredFeatures, found: Resolved
) -> np.ndarray:
    """Which features are genes, by what the file says about them."""
    if features.kinds is None:
        return np.ones(len(names), dtype=bool)
    genes = np.array([str(k).lower() == GENE_EXPRESSION for k in features.kinds], dtype=bool)
    kinds = Counter(str(k) for k in features.kinds[~genes])
    counted = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    if not genes.any():
        found.problems.append(
            f"{path}: has no features of gene expression ({counted}). Give the file with the "
            "counts of genes, or correct the column feature_types of `var`."
        )
    elif not genes.all():
        found.notices.append(
            notice(
                "info",
                f"{path}: {(~genes).sum()} features are no genes and were left out ({counted}: "
                f"{listed(names[~genes], most=3)}).",
            )
        )
    return genes


def _apply(
    choice: Choice,
    names: dict[str, np.ndarray],
    kept: dict[str, np.ndarray],
    found: Resolved,
) -> None:
    """Keep the features that the user names."""
    for pattern in choice.use:
        for path, own in names.items():
            if not any(fnmatchcase(str(name), pattern) for name in own):
                found.problems.append(
                    f"{path}: has no feature {pattern!r} (features: {listed(own)}). Correct "
                    "`features.use` in the config."
                )
    for pattern in choice.leave_out:
        if not any(fnmatchcase(str(name), pattern) for own in names.values() for name in own):
            example = listed(next(iter(names.values()), ()))
            found.problems.append(
                f"No file has a feature {pattern!r} (features: {example}). Correct "
                "`features.leave_out` in the config."
            )
    for path, own in names.items():
        texts = [str(name) for name in own]
        if choice.use:
            kept[path] &= np.array([_matches(name, choice.use) for name in texts], dtype=bool)
        if choice.leave_out:
            kept[path] &= np.array(
                [not _matches(name, choice.leave_out) for name in texts], dtype=bool
            )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _note_tags(names: dict[str, np.ndarray], kept: dict[str, np.ndarray], found: Resolved) -> None:
    """Say which names look like antibodies or hashtags, where the file does not."""
    for path, own in names.items():
        tags = [name for name in own[kept[path]] if looks_like_tag(str(name))]
        if tags:
            found.notices.append(
                notice(
                    "warning",
                    f"{path}: {len(tags)} features have names of antibodies or hashtags "
                    f"({listed(tags, most=3)}) and are taken for genes.",
                    "If they are no genes, name them in `features.leave_out` of the config, or "
                    'give `var` a column feature_types with "Gene Expression" for genes.',
                )
            )


def _tell_apart(
    names: dict[str, np.ndarray],
    ids: dict[str, np.ndarray | None],
    kept: dict[str, np.ndarray],
    found: Resolved,
) -> None:
    """Give names that stand for several genes a name of their own; changes ``names``, ``kept``."""
    twice = {path: _repeated(own) for path, own in names.items()}
    ambiguous = {name for repeated in twice.values() for name in repeated}
    by_id = all(own is not None for own in ids.values())
    crossing = _crossing(names, ids) if by_id else set()
    if not ambiguous | crossing:
        return
    if not crossing and _all_equal(names) and (not by_id or _all_equal(ids)):
        _note_places(twice, found)
        return
    wrong = ambiguous | crossing
    shown = listed(sorted(wrong), most=3)
    if by_id:
        example = ""
        for path, own in names.items():
            mine: Any = ids[path]
            completed = {f"{n}_{i}": n for n, i in zip(own, mine, strict=True) if n in wrong}
            example = next(iter(completed), example)
            names[path] = np.array(
                [f"{n}_{i}" if n in wrong else n for n, i in zip(own, mine, strict=True)],
                dtype=object,
            )
        found.notices.append(
            notice(
                "info",
                f"{len(wrong)} gene names stand for several genes ({shown}); the identifier was "
                f"added to them ({example}).",
            )
        )
        return
    for path, own in names.items():
        good = np.array([name not in wrong for name in own], dtype=bool)
        kept[path][np.flatnonzero(kept[path])[~good]] = False
        names[path] = own[good]
    found.notices.append(
        notice(
            "warning",
            f"{len(wrong)} gene names stand for several genes ({shown}), which the files list "
            "differently, so they were left out.",
            "Add a column of identifiers (gene_ids) to `var` of every file, or name the column "
            "that holds them as `gene_column` in the config.",
        )
    )


def _note_places(twice: dict[str, dict[str, None]], found: Resolved) -> None:
    for path, repeated in twice.items():
        if repeated:
            found.notices.append(
                notice(
                    "info",
                    f"{path}: {len(repeated)} gene names occur more than once "
                    f"({listed(repeated, most=3)}); they were told apart by -1, -2.",
                    "Use Ensembl ids through `gene_column` when these genes matter.",
                )
            )


def _repeated(names: np.ndarray) -> dict[str, None]:
    index = pd.Index(names)
    return dict.fromkeys(index[index.duplicated()].unique())


def _all_equal(lists: dict[str, Any]) -> bool:
    first, *others = lists.values()
    return all(len(first) == len(other) and bool((first == other).all()) for other in others)


def _crossing(names: dict[str, np.ndarray], ids: dict[str, np.ndarray | None]) -> set[str]:
    """Names that one file gives to one gene and another file to another gene.

    As after ``var_names_make_unique``, which numbers the genes of a name by their place. A gene
    that has another name in each file, each of them its own, is not meant.
    """
    first_name: dict[str, str] = {}
    first_id: dict[str, str] = {}
    found: set[str] = set()
    for path, own in names.items():
        mine: Any = ids[path]
        known = np.array([i in first_name for i in mine], dtype=bool)
        for name, i in zip(own[known], mine[known], strict=True):
            if first_name[i] != name and first_id.get(name, i) != i:
                found |= {name, first_name[i]}
        for name, i in zip(own[~known], mine[~known], strict=True):
            first_name[i] = name
            first_id.setdefault(name, i)
    return found


def ensembl_share(names: Sequence[str]) -> float:
    """Which share of names are Ensembl ids."""
    return float(np.mean([bool(ENSEMBL.match(str(name))) for name in names])) if len(names) else 0.0
