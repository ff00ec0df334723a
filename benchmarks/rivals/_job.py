"""What a rival is asked, and what it answers; files between two environments.

Needs NumPy and SciPy only, as it is read in the environment of every rival.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Job:
    """Cells of two conditions, without labels."""

    points: np.ndarray  #: (n_cells, D)
    target: np.ndarray  #: (n_cells,), whether a cell is of the target
    donor: np.ndarray  #: (n_cells,)
    seed: int = 0
    counts: sp.csr_matrix | None = None  #: (n_cells, n_genes), where there are any

    @property
    def condition(self) -> np.ndarray:
        """Name of the condition of each cell; the source sorts first."""
        return np.where(self.target, "b_target", "a_source")

    @property
    def sample(self) -> np.ndarray:
        """Donor within its condition, the unit of the tests."""
        return np.char.add(np.char.add(self.condition, "|"), self.donor.astype(str))

    @property
    def paired(self) -> bool:
        """Whether every donor is in both conditions."""
        return set(self.donor[self.target]) == set(self.donor[~self.target])

    def save(self, path: Path) -> None:
        """Write it; counts go to a second file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.counts is not None:
            sp.save_npz(path.with_suffix(".counts.npz"), self.counts)
        np.savez(
            path,
            points=self.points,
            target=self.target,
            donor=self.donor.astype(str),
            seed=self.seed,
        )

    @classmethod
    def load(cls, path: Path) -> Job:
        """Read it."""
        counts = path.with_suffix(".counts.npz")
        with np.load(path) as f:
            return cls(
                f["points"],
                f["target"],
                f["donor"],
                int(f["seed"]),
                sp.load_npz(counts).tocsr() if counts.is_file() else None,
            )


@dataclass
class Answer:
    """What each cell is told; rows of a method that has some, groups of one that has no large ones.

    A row without a test has NaN as p. Groups are clusters of the space in which a method works; the
    error of rows is read in them where a method tells cells or neighbourhoods only.
    """

    cell: np.ndarray  #: (n_cells,), log2 of share in the target over share in the source
    member: sp.csr_matrix | None = None  #: (n_cells, n_rows), weight of a cell in a row
    log2: np.ndarray | None = None  #: (n_rows,)
    p: np.ndarray | None = None  #: (n_rows,)
    low: np.ndarray | None = None  #: (n_rows,), of a 95 % interval of log2
    high: np.ndarray | None = None
    called: np.ndarray | None = None  #: (n_cells,), -1, 0, 1, of a method that calls cells
    groups: np.ndarray | None = None  #: (n_cells,), whole numbers
    factor: bool = True  #: whether ``cell`` is a factor, not only a score
    cost: dict[str, float] = field(default_factory=dict)  #: seconds, cpu, peak and before in MB

    def save(self, path: Path) -> None:
        """Write it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {n: np.asarray(v) for n, v in vars(self).items() if n not in ("member", "cost")}
        arrays = {n: v for n, v in arrays.items() if v.dtype != object}
        if self.member is not None:
            member = sp.csr_matrix(self.member)
            arrays |= {"data": member.data, "indices": member.indices, "indptr": member.indptr}
            arrays["shape"] = np.array(member.shape)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **arrays, **{f"cost_{n}": v for n, v in self.cost.items()})
        part.rename(path)

    @classmethod
    def load(cls, path: Path) -> Answer:
        """Read it."""
        with np.load(path) as f:
            member = None
            if "shape" in f.files:
                parts = (f["data"], f["indices"], f["indptr"])
                member = sp.csr_matrix(parts, tuple(f["shape"]))
            names = ("log2", "p", "low", "high", "called", "groups")
            found = {n: f[n] for n in names if n in f.files}
            cost = {n[5:]: float(f[n]) for n in f.files if n.startswith("cost_")}
            return cls(f["cell"], member, **found, factor=bool(f["factor"]), cost=cost)
