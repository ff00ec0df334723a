"""What a name of a feature tells: identifier, mitochondrial gene, antibody, channel, spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$")
#: a genome before the name, as Cell Ranger writes it for several genomes, then MT and a mark
MITOCHONDRIAL = re.compile(r"^(?:[A-Za-z0-9.]+_+|[A-Za-z]+[0-9][A-Za-z0-9.]*[-:]+)?mt[-.:_]", re.I)
# fmt: off
#: names without a prefix, as in references of NCBI; taken only when most of them are there
BARE_MITOCHONDRIAL = frozenset(
    [
        "ND1", "ND2", "ND3", "ND4", "ND4L", "ND5", "ND6", "COX1", "COX2", "COX3",
        "CO1", "CO2", "CO3", "ATP6", "ATP8", "CYTB", "CYB",
    ]
)
MIN_BARE = 8
#: the 37 genes of the mitochondrial genome in Ensembl: 13 proteins, 2 rRNA, 22 tRNA
HUMAN_MITOCHONDRIAL = frozenset(
    f"ENSG00000{number}"
    for number in (
        198888, 198763, 198804, 198712, 228253, 198899, 198938, 198840, 212907,
        198886, 198786, 198695, 198727, 211459, 210082, 210049, 210077, 209082,
        210100, 210107, 210112, 210117, 210127, 210135, 210140, 210144, 210151,
        210154, 210156, 210164, 210174, 210176, 210184, 210191, 210194, 210195,
        210196,
    )
)
# fmt: on
MOUSE_MITOCHONDRIAL = frozenset(
    # from one end of the genome to the other; mt-Nd4l got a number of its own
    [f"ENSMUSG000000{number}" for number in range(64336, 64373) if number != 64362]
    + ["ENSMUSG00000065947"]
)
TAG = re.compile(
    r"(?:^|[-_. ])(?:hashtag|hto|adt|totalseq[-_ ]?[abcd]?|total[abc])(?:$|[-_. 0-9])|^hashtag\d*$"
    r"|^anti[-_. ](?:human|mouse|rat)[-_. ]|^cmo\d{3}$|(?:isotype|mouse[-_ ]igg)[-_ ]?c(?:on)?tr",
    re.I,
)
TIME = re.compile(r"^(?:time|event[-_ ]?(?:length|number|nr|#|id)?|cell[-_ ]?length)$", re.I)
SCATTER = re.compile(r"^(?:fsc|ssc|fs|ss)(?:$|[-_. ]|\d)", re.I)
VIABILITY = re.compile(
    r"live[-_/ ]?dead|(?:^|[-_ ])(?:viab|zombie|fvd|fvs|7[-_ ]?aad|dapi|draq7|cisplatin)"
    r"|(?:^|[-_ ])(?:l[-_/]d|dead|pi)(?:$|[-_ ])",
    re.I,
)
MIN_PREFIX_SHARE = 0.9
EXCEL = re.compile(r"^(?:(\d{1,2})-(MAR|SEP|DEC)|(MAR|SEP|DEC)-(\d{1,2}))$")
#: old and new symbols of the genes that Excel takes for dates, and the month
RENAMED = re.compile(r"^(MARCHF|MARCH|SEPTIN|SEPT|DELEC)(\d{1,2})$")
SHORT = {"MARCHF": "MAR", "MARCH": "MAR", "SEPTIN": "SEP", "SEPT": "SEP", "DELEC": "DEC"}


def without_version(name: str) -> str:
    """Ensembl id without the number of its version; other names as they are."""
    return name.split(".")[0] if ENSEMBL.match(name) else name


def is_mitochondrial(genes: Sequence[str] | pd.Index) -> np.ndarray:
    """Which genes are mitochondrial, by name or by Ensembl id; shape (n_genes,), bool.

    Known are ``MT-`` and its kin in any case (``mt:``, ``MT.``, ``GRCh38_MT-``), the Ensembl ids of
    human and mouse, and names without prefix (``ND1``, ``COX1``) when most of them are there.
    """
    names = [str(gene) for gene in genes]
    ids = HUMAN_MITOCHONDRIAL | MOUSE_MITOCHONDRIAL
    found = np.array(
        [bool(MITOCHONDRIAL.match(name)) or without_version(name) in ids for name in names],
        dtype=bool,
    )
    if not found.any():
        prefix = prefix_of(names)
        bare = np.array(
            [name.removeprefix(prefix).upper() in BARE_MITOCHONDRIAL for name in names], dtype=bool
        )
        if bare.sum() >= MIN_BARE:
            return bare
    return found


def looks_like_tag(name: str) -> bool:
    """Whether a name is that of an antibody or a hashtag, as common kits write them."""
    return bool(TAG.search(name))


def no_markers(names: Sequence[str]) -> dict[str, list[str]]:
    """Channels of cytometry that are no markers: time, scatter, live and dead."""
    found: dict[str, list[str]] = {"time": [], "scatter": [], "live or dead": []}
    for name in names:
        for kind, pattern in zip(found, (TIME, SCATTER, VIABILITY), strict=True):
            if pattern.search(name):
                found[kind].append(name)
                break
    return {kind: channels for kind, channels in found.items() if channels}


def prefix_of(names: Sequence[str] | pd.Index) -> str:
    """Prefix that nearly all names share, such as ``GRCh38_`` or ``gene-``; empty without one."""
    starts = Counter(
        match[0] for name in names if (match := re.match(r"[A-Za-z0-9.]+?(?:_+|-|:)", str(name)))
    )
    if not starts:
        return ""
    prefix, n = starts.most_common(1)[0]
    return prefix if n >= MIN_PREFIX_SHARE * len(names) else ""


def spellings(names: Sequence[str] | pd.Index) -> list[str]:
    """Names in one spelling, in which those that another program changed are the same again.

    Capital letters; without a prefix of all names and the version of an Ensembl id; every mark is a
    ``-``; without the ``X`` that R puts before a digit; dates that Excel made are names again.
    """
    return list(_spellings(tuple(map(str, names))))


@lru_cache(maxsize=4)
def _spellings(names: tuple[str, ...]) -> tuple[str, ...]:
    prefix = prefix_of(names)
    found = []
    for name in names:
        text = without_version(name.removeprefix(prefix)).upper()
        text = re.sub(r"[^A-Z0-9]+", "-", text)
        text = re.sub(r"^X(?=\d)", "", text)
        if date := EXCEL.match(text):  # 1-Mar, and Mar-1 in other settings
            text = f"{date[2] or date[3]}{int(date[1] or date[4])}"
        found.append(RENAMED.sub(lambda m: SHORT[m[1]] + m[2], text))
    return tuple(found)


def ensembl_share(names: Sequence[str]) -> float:
    """Which share of names are Ensembl ids."""
    return float(np.mean([bool(ENSEMBL.match(str(name))) for name in names])) if len(names) else 0.0
