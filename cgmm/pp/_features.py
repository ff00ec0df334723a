"""Which features of each file are used, and under which names files are joined.

Features are joined by name. Names are made so that one name is one gene in every file: features
that are no genes are left out, a gene without a symbol has its identifier for a name, and a symbol
that stands for two genes is completed by the identifier.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.utils import make_index_unique

from cgmm.pp._columns import has_table, labels_of, read_column, table_columns, table_index
from cgmm.pp._names import ensembl_share, looks_like_tag, without_version
from cgmm.pp._one_name import Features, Resolved, tell_apart
from cgmm.pp._samples import RNA, InputError, listed, notice

#: columns of var that say what a feature is
KIND_COLUMNS = ("feature_types", "feature_type", "modality")
#: words for genes in them, of Cell Ranger and others
GENE_KINDS = frozenset(["gene expression", "gene", "genes", "rna", "mrna", "gex"])
OTHER_KINDS = frozenset(
    [
        "antibody capture", "antigen capture", "crispr guide capture", "custom",
        "multiplexing capture", "peaks", "peak", "atac", "chromatin accessibility", "antibody",
        "antibodies", "protein", "proteins", "prot", "adt", "hto", "hashtag", "hashtags", "crispr",
    ]
)  # fmt: skip
#: a genome before the names of its genes, as Cell Ranger writes them
GENOME = re.compile(r"^[A-Za-z]+[0-9][A-Za-z0-9.]*?_+(?=.)")
N_LOOKED_AT = 200  # names, to see whether they are identifiers
MIN_ENSEMBL = 0.5
MIN_GENOME = 0.05  # of the genes; a smaller part is no genome
#: columns of var that hold identifiers of genes, in the words of common programs
ID_COLUMNS = (
    "gene_ids",
    "gene_id",
    "ensembl_id",
    "ensembl_gene_id",
    "ensembl",
    "feature_id",
    "ensembl_ids",
    "accession",
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
    index = _stripped(table_index(file[var]).to_numpy(dtype=object))
    columns = table_columns(file[var])
    if gene_column is None:
        names, ids = index, _identifiers(file, var, columns)
        if ids is None and ensembl_share(list(index[:N_LOOKED_AT])) > MIN_ENSEMBL:
            ids = index
    else:
        names, ids = _stripped(_named(file, var, gene_column, index)), index
    if ids is not None and (pd.isna(ids).any() or not pd.Index(ids).is_unique):
        ids = None
    kinds = None
    for name in KIND_COLUMNS:
        if kinds is None and name in columns:
            found = labels_of(read_column(file, var, name))
            if {_word(kind) for kind in set(found)} & (GENE_KINDS | OTHER_KINDS):
                kinds = found
    return StoredFeatures(names, ids, kinds)


def _stripped(names: np.ndarray) -> np.ndarray:
    """Names without blanks around them, which no program means."""
    return np.array([n.strip() if isinstance(n, str) else n for n in names], dtype=object)


def _word(kind: object) -> str:
    """Kind of a feature in small letters, with blanks between the words."""
    return re.sub(r"[-_\s]+", " ", str(kind)).strip().lower()


def _named(file: h5py.File, var: str, column: str, index: np.ndarray) -> np.ndarray:
    """Names from a column of the table, or of ``var`` when ``raw/var`` lacks it."""
    if column == file[var].attrs.get("_index"):
        return index
    of_ids = column.lower() in ID_COLUMNS and column not in table_columns(file[var])
    if of_ids and ensembl_share(list(index[:N_LOOKED_AT])) > MIN_ENSEMBL:
        return index
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
        _note_genomes(names, kept, found)
    chosen = {path: names[path][kept[path]] for path in stored}
    ids = {path: _unversioned(one.ids, kept[path]) for path, one in stored.items()}
    tell_apart(chosen, ids, kept, found)
    for path, own in chosen.items():
        columns = np.flatnonzero(kept[path])
        found.files[path] = Features(
            pd.Index(make_index_unique(pd.Index(own, dtype=object)), dtype=object),
            columns,
            len(names[path]),
        )
    return found


def _unversioned(ids: np.ndarray | None, kept: np.ndarray) -> np.ndarray | None:
    """Give identifiers of some features without versions; None where they are not unique then."""
    if ids is None:
        return None
    found = np.array([without_version(str(i)) for i in ids[kept]], dtype=object)
    return found if pd.Index(found).is_unique else None


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
    # a feature without a kind comes from a file that had genes only
    genes = np.array([k is None or _word(k) in GENE_KINDS for k in features.kinds], dtype=bool)
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


def _note_genomes(
    names: dict[str, np.ndarray], kept: dict[str, np.ndarray], found: Resolved
) -> None:
    """Say when a file holds the genes of several genomes."""
    for path, own in names.items():
        used = own[kept[path]]
        starts = Counter(m[0] for name in used if (m := GENOME.match(str(name))))
        genomes = {start: n for start, n in starts.items() if n >= MIN_GENOME * len(used)}
        if len(genomes) < 2:
            continue
        shown = ", ".join(f"{start}: {n}" for start, n in genomes.items())
        found.notices.append(
            notice(
                "warning",
                f"{path}: holds genes of several genomes ({shown}), so cells of several species "
                "are compared with each other.",
                f"Keep the genes of one genome (`features: {{use: ['{next(iter(genomes))}*']}}` in "
                "the config), and give files with cells of one species.",
            )
        )
