"""Shared by the accuracy benchmarks: the score code, further cases, tables that may be kept."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from _common import DATA, publish

import cgmm as cg

BENCH = DATA.parent / "bench"
NEEDS = {"harmony": ("harmonypy",), "milo": ("pertpy", "pydeseq2"), "meld": ("meld",)}
SHOWN_VERSIONS = ("scanpy", "harmonypy", "pertpy", "meld")


def load_shiftbench(folder: Path = BENCH) -> SimpleNamespace:
    """Import the score code.

    Parameters
    ----------
    folder
        The folder that holds the package ``shiftbench``.

    Returns
    -------
    Its modules ``cases``, ``methods``, ``run`` and ``score``.

    Raises
    ------
    FileNotFoundError
        When the package is not there.
    """
    if not (folder / "shiftbench" / "__init__.py").is_file():
        msg = f"{folder} has no package shiftbench: name its folder with --bench."
        raise FileNotFoundError(msg)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    names = ("cases", "methods", "run", "score")
    return SimpleNamespace(**{n: importlib.import_module(f"shiftbench.{n}") for n in names})


# Further cases ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """A case made from one file of the shared data, by the recipe of the development cases."""

    file: str
    source: str | None = None  #: the condition, or with ``split`` the only one (None: all cells)
    target: str | None = None
    split: bool = False  #: half of the donors, drawn by the seed, against the other half
    thinned: bool = False  #: frequent labels lose a known part of their target cells
    markers: bool = False  #: all features, scaled, instead of principal components

    @property
    def seeded(self) -> bool:
        """Whether the seed changes the case."""
        return self.split or self.thinned


COVID, WNV, GBM, AIRWAY, ONEK1K = (
    "covid_gse149689",
    "wnv_cns_flow",
    "gbm_panobinostat",
    "airway_cf_pig",
    "onek1k_subset",
)
RECIPES = {
    "onek1k_split": Recipe(ONEK1K, split=True, thinned=True),
    "gbm_plain": Recipe(GBM, "ctrl", "panobinostat"),
    "gbm_thinned": Recipe(GBM, "ctrl", "panobinostat", thinned=True),
    "airway_plain": Recipe(AIRWAY, "WT", "CFTRKO"),
    "airway_thinned": Recipe(AIRWAY, "WT", "CFTRKO", thinned=True),
    "wnv_split": Recipe(WNV, "WNV", split=True, thinned=True, markers=True),
    "covid_split": Recipe(COVID, "covid", split=True, thinned=True),
}
REVERSED = ("wnv_cns", "covid")


def extra_cases(bench: SimpleNamespace) -> dict[str, Any]:
    """Return cases of other tissues, null cases and reversed directions.

    Parameters
    ----------
    bench
        From :func:`load_shiftbench`.

    Returns
    -------
    Name -> ``CaseSpec``, like ``shiftbench.cases.CASES``.
    """
    spec = bench.cases.CaseSpec
    turned = {
        f"{name}_reversed": spec(_turned(bench.cases.CASES[name].make), seeded=False)
        for name in REVERSED
    }
    made = {
        name: spec(_maker(bench.cases, name, recipe), recipe.seeded)
        for name, recipe in RECIPES.items()
    }
    return turned | made


def _turned(make: Callable[[Path, int], Any]) -> Callable[[Path, int], Any]:
    def turned(data: Path, seed: int) -> Any:
        case = make(data, seed)
        name = f"{case.name}_reversed"
        return replace(case, name=name, source=case.target, target=case.source)

    return turned


def _maker(cases: Any, name: str, recipe: Recipe) -> Callable[[Path, int], Any]:
    def make(data: Path, seed: int) -> Any:
        adata = ad.read_h5ad(data / f"{recipe.file}.h5ad")
        if recipe.split and recipe.source is not None:
            adata = cases.subset(adata, (adata.obs["condition"] == recipe.source).to_numpy())
        adata = cases.zscore_rep(adata) if recipe.markers else cases.pca_rep(adata)
        rng = np.random.default_rng(seed)
        source, target = recipe.source, recipe.target
        if recipe.split:
            source, target = "A", "B"
            donors = adata.obs["donor"].astype(str).to_numpy()
            drawn = rng.permutation(np.unique(donors))
            second = np.isin(donors, drawn[len(drawn) // 2 :])
            adata.obs["condition"] = pd.Categorical(np.where(second, target, source))
        if recipe.thinned:
            labels = adata.obs["cell_type"].astype(str).to_numpy()
            thinnable = (adata.obs["condition"] == target).to_numpy()
            adata = cases.subset(adata, cases.thinning_mask(labels, thinnable, rng))
        return cases.Case(
            name=name,
            adata=adata,
            condition_key="condition",
            source=source,
            target=target,
            label_key="cell_type",
            donor_key="donor",
            rep="X_markers" if recipe.markers else "X_pca",
        )

    return make


# Methods and tables ----------------------------------------------------------------------


def missing(methods: Iterable[str], known: Mapping[str, Any]) -> dict[str, str]:
    """Say why methods cannot run.

    Parameters
    ----------
    methods
        Names asked for.
    known
        ``shiftbench.methods.METHODS``, which leaves out what is not installed.

    Returns
    -------
    Name -> sentence, for those that cannot.

    Raises
    ------
    ValueError
        When a name is none of a method.
    """
    why = {}
    for method in methods:
        if method in known:
            continue
        needed = [p for word, packages in NEEDS.items() if word in method for p in packages]
        absent = [p for p in needed if find_spec(p) is None]
        if not absent:
            msg = f"{method!r} is no method of shiftbench; there are {', '.join(known)}."
            raise ValueError(msg)
        why[method] = f"not run: needs {' and '.join(absent)}"
    return why


def versions() -> str:
    """Versions of the packages that the methods use."""
    found = [f"cgmm {cg.__version__}"]
    for package in SHOWN_VERSIONS:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Align columns.

    Parameters
    ----------
    head, rows
        Texts. In a row with fewer cells than the head the last one is a remark of any length.
    left
        Columns that are aligned to the left.

    Returns
    -------
    The lines.
    """
    full = [list(head), *(list(r) for r in rows)]
    in_columns = [r if len(r) == len(head) else r[:-1] for r in full]
    widths = [max(len(r[i]) for r in in_columns if i < len(r)) for i in range(len(head))]
    lines = []
    for row, cells in zip(full, in_columns, strict=True):
        padded = [
            c.ljust(w) if i < left else c.rjust(w)
            for i, (c, w) in enumerate(zip(cells, widths, strict=False))
        ]
        lines.append("  ".join([*padded, *row[len(cells) :]]).rstrip())
    return lines


def number(value: float, digits: int = 2) -> str:
    """Return a number as text, "-" where there is none."""
    # + 0.0: a rounded negative zero is a zero
    return "-" if np.isnan(value) else f"{round(float(value), digits) + 0.0:.{digits}f}"


def show(name: str, title: str, lines: list[str], *, keep: bool) -> None:
    """Print a table; a complete run is also kept, as :func:`_common.publish` does."""
    if keep:
        publish(name, title, lines)
    else:
        sys.stdout.write("\n".join([title, "partial run, not kept", "", *lines, ""]))
