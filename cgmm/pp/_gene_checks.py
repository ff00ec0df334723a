"""What is lost when files are joined by their genes, and why names do not meet."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from cgmm.pp._names import ensembl_share, is_mitochondrial, prefix_of, spellings
from cgmm.pp._one_name import Features
from cgmm.pp._samples import LEAVE_OUT, ZERO, listed, notice

MIN_OVERLAP = 0.3  # below, files are refused
MIN_OVERLAP_UNNOTICED = 0.7
MIN_SHARE_LOST = 0.005  # of the counts of a file; above, a warning
MAX_COMPARED = 40  # files whose names are compared in pairs


@dataclass
class Join:
    """What a join of files over their genes gives."""

    n_shared: int
    share_of_smallest: float
    lacking: list[dict[str, object]]  #: per file that lacks genes: what it lacks
    notices: list[dict[str, str]]
    problems: list[str]


def check_join(
    files: dict[str, Features],
    sums: dict[str, np.ndarray],
    *,
    missing_genes: str = LEAVE_OUT,
    max_pct_mt: float | None = None,
) -> Join:
    """Compare the genes of files.

    Parameters
    ----------
    files
        Features of each file, by path.
    sums
        Counts of each feature of a file that is used, in a part of the values, by path.
    missing_genes
        What is done with a gene that some files lack.
    max_pct_mt
        Limit that needs mitochondrial genes; None: none.

    Returns
    -------
    Join
    """
    found = Join(0, 0.0, [], [], [])
    if not files:
        return found
    names = {path: own.names for path, own in files.items()}
    first = next(iter(names.values()))
    shared = first
    for index in names.values():
        shared = shared if index is first else shared.intersection(index, sort=False)
    smallest = min(len(index) for index in names.values())
    found.n_shared = len(shared)
    found.share_of_smallest = len(shared) / smallest if smallest else 0.0
    if smallest == 0:
        found.problems.append(
            f"There are no genes in {listed(p for p in names if not len(names[p]))}."
        )
        return found
    if found.share_of_smallest < MIN_OVERLAP:
        found.problems.append(_too_few(names, len(shared), smallest))
        return found
    if any(len(index) != len(shared) for index in names.values()):
        _tell_lost(names, sums, shared, smallest, missing_genes, found)
    if max_pct_mt is not None and not is_mitochondrial(shared).any():
        found.problems.append(no_mitochondrial(max_pct_mt, names))
    return found


def no_mitochondrial(limit: float, names: dict[str, pd.Index] | None = None) -> str:
    """Sentence about a limit that cannot be applied."""
    having = [path for path, own in (names or {}).items() if is_mitochondrial(own).any()]
    if names and len(having) == len(names):
        first = [str(own[is_mitochondrial(own)][0]) for own in names.values()]
        return (
            f"qc.max_pct_mt is {limit:g}, but no mitochondrial gene is called the same in every "
            f"file ({listed(dict.fromkeys(first), most=3)}). Write the names of genes alike in "
            "every file, or set `max_pct_mt: null` in the config."
        )
    if having and names:
        without = listed([path for path in names if path not in having], most=3)
        return (
            f"qc.max_pct_mt is {limit:g}, but {without} has no mitochondrial genes. Give files "
            "with all genes, or set `max_pct_mt: null` in the config."
        )
    return (
        f"qc.max_pct_mt is {limit:g}, but no gene is known to be mitochondrial (known are MT-, mt: "
        "and the like, and Ensembl ids of human and mouse). Name the column of var that holds "
        "gene symbols as `gene_column`, or set `max_pct_mt: null` in the config."
    )


def _tell_lost(
    names: dict[str, pd.Index],
    sums: dict[str, np.ndarray],
    shared: pd.Index,
    smallest: int,
    missing_genes: str,
    found: Join,
) -> None:
    """Say which genes are not in every file, what they hold, and who lacks them."""
    lost, held, strong = _lost(names, sums, shared, found)
    if missing_genes == ZERO:
        found.notices.append(
            notice(
                "info",
                f"{len(lost)} genes are not in every file and count as zero where they are "
                f"missing. {held}",
            )
        )
    elif found.share_of_smallest < MIN_OVERLAP_UNNOTICED:
        found.notices.append(
            notice(
                "warning",
                f"The samples share {len(shared)} of {smallest} genes "
                f"({found.share_of_smallest:.0%}); the others were left out. {held}",
                "Align the samples to the same reference and do not filter genes beforehand. If "
                "the files were filtered one by one, set `missing_genes: zero` in the config.",
            )
        )
    else:
        found.notices.append(
            notice(
                "warning" if strong else "info",
                f"{len(lost)} genes are not in every file and were left out. {held}",
                "If the files were filtered one by one, set `missing_genes: zero` in the config: a "
                "gene that a file lacks counts as zero there.",
            )
        )
    if respelt := _respelt(names, shared):
        first, second = respelt[0]
        found.notices.append(
            notice(
                "warning",
                f"{len(respelt)} genes seem to be written differently in the files "
                f"({first!r} and {second!r}), so they do not meet.",
                "Write them alike in every file, or name a column of identifiers as `gene_column`.",
            )
        )


def _lost(
    names: dict[str, pd.Index], sums: dict[str, np.ndarray], shared: pd.Index, found: Join
) -> tuple[set[str], str, bool]:
    """Find the genes that are not in every file; fills ``found.lacking``.

    Returns
    -------
    The genes; a sentence about what they hold and who lacks them; whether they hold much.
    """
    n_having: dict[str, int] = {}
    strongest: dict[str, float] = {}
    strong, largest, of_file = False, 0.0, ""
    for path, own in names.items():
        left_out = ~own.isin(shared)
        counts = np.asarray(sums.get(path, np.zeros(len(own))), dtype=float)
        total = max(float(counts.sum()), 1.0)
        share = float(counts[left_out].sum() / total)
        if share >= largest:
            largest, of_file = share, path
        if left_out.any() and len(shared):
            # as strong as the middle one of the genes that stay
            strong |= counts[left_out].max() >= max(1.0, float(np.median(counts[~left_out])))
        for name, part in zip(own[left_out], counts[left_out] / total, strict=True):
            n_having[name] = n_having.get(name, 0) + 1
            strongest[name] = max(strongest.get(name, 0.0), float(part))
    alone = {name for name, n in n_having.items() if n == len(names) - 1}
    most: tuple[int, str] = (0, "")
    for path, own in names.items():
        n_lacking = len(shared) + len(n_having) - len(own)
        if n_lacking:
            only = len(alone.difference(own))
            found.lacking.append({"path": path, "n_lacking": n_lacking, "n_only_here": only})
            most = max(most, (n_lacking, path), key=lambda one: one[0])
    top = sorted(strongest, key=lambda name: -strongest[name])
    shown = listed([f"{name} ({strongest[name]:.2%})" for name in top], most=5)
    held = (
        f"They hold up to {largest:.1%} of the counts of a file ({of_file}): {shown}. {most[1]} "
        f"lacks most of them ({most[0]})."
    )
    return set(n_having), held, bool(strong or largest >= MIN_SHARE_LOST)


def _respelt(names: dict[str, pd.Index], shared: pd.Index) -> list[tuple[str, str]]:
    """Pairs of names that differ by spelling only, each in another file."""
    by_spelling: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    for own in names.values():
        mine = [str(name) for name in own[~own.isin(shared)]]
        whole = dict(zip(map(str, own), spellings(own), strict=True)) if mine else {}
        for name in mine:
            other = by_spelling.setdefault(whole[name], name)
            if other != name and other not in whole:
                found.setdefault(whole[name], (other, name))
    return list(found.values())


def _too_few(names: dict[str, pd.Index], n_shared: int, smallest: int) -> str:
    paths = list(names)[:MAX_COMPARED]
    worst = min(combinations(paths, 2), key=lambda pair: _jaccard(*(names[p] for p in pair)))
    first, second = (names[p] for p in worst)
    return (
        f"The samples share only {n_shared} of {smallest} genes. {worst[0]} has names like "
        f"{listed(first[:3])}; {worst[1]} like {listed(second[:3])}. {_mismatch(first, second)}"
    )


def _jaccard(a: pd.Index, b: pd.Index) -> float:
    return len(a.intersection(b)) / max(1, len(a.union(b)))


def _mismatch(a: pd.Index, b: pd.Index) -> str:
    """Guess why two lists of genes do not overlap, and say what to do."""
    ensembl = [ensembl_share(list(index[:200])) > 0.5 for index in (a, b)]
    if ensembl[0] != ensembl[1]:
        return (
            "One uses Ensembl ids, the other gene symbols: name the column of var that holds the "
            "same kind of name in every file as `gene_column` in the config."
        )
    versionless = [pd.Index(index.str.replace(r"\.\d+$", "", regex=True)) for index in (a, b)]
    if all(ensembl) and _jaccard(*versionless) > MIN_OVERLAP:
        return (
            "They differ by the version suffix of the Ensembl ids (.1, .2): write them without it "
            "in every file."
        )
    if _jaccard(a.str.upper(), b.str.upper()) > MIN_OVERLAP:
        return (
            "They differ by upper and lower case: write them in one way, and make sure that the "
            "samples come from one species."
        )
    prefixes = [prefix_of(index) for index in (a, b)]
    if _jaccard(*(pd.Index(spellings(index)) for index in (a, b))) > MIN_OVERLAP:
        if prefixes[0] != prefixes[1]:
            shown = " and ".join(repr(p) for p in prefixes if p)
            return f"They differ by a prefix ({shown}): write them without it in every file."
        return (
            "They differ by marks such as `.` and `-`, as another program writes them: write them "
            "in one way in every file."
        )
    return "Make sure that the samples come from one species and one reference."
