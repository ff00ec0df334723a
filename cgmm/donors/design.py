"""Who is a replicate of whom: donors, pairs and batches of a comparison, and what they allow.

The unit is the donor in one condition.  A design is *paired* when donors are compared with
themselves; otherwise a donor of the source and one of the target are independent.  Batches that
hold donors of both conditions are allowed for; a batch that is the same as the condition cannot
be told from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cgmm.thresholds import MIN_CELLS_PER_DONOR, MIN_DONORS

N_GROUPS = 50


class Unit(NamedTuple):
    """One donor in one condition."""

    side: int  #: 0 source, 1 target
    donor: str
    n_cells: int
    batch: str  #: "" when batches are not known


class Design(NamedTuple):
    """The replicates of a comparison.

    Attributes
    ----------
    units
        Donors in conditions, those of the source first.  In a paired design donor i of the source
        is donor i of the target.
    paired
        Whether donors are compared with themselves.
    adjusted
        Whether the model allows for batches.
    replicated
        Whether units are donors (else groups of cells drawn at random).
    sentences
        What was left out, and what should be known.
    """

    units: tuple[Unit, ...]
    paired: bool
    adjusted: bool
    replicated: bool
    sentences: tuple[str, ...]

    def side(self, side: int) -> list[Unit]:
        """Units of one side."""
        return [u for u in self.units if u.side == side]

    @property
    def n_units(self) -> tuple[int, int]:
        """Number of units of source and target."""
        return len(self.side(0)), len(self.side(1))

    @property
    def testable(self) -> bool:
        """Whether there are donors enough for a p-value."""
        return self.replicated and min(self.n_units) >= MIN_DONORS and self._freedom > 0

    @property
    def _freedom(self) -> int:
        return len(self.units) - self.matrix().shape[1]

    def matrix(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Design matrix over the units, condition last.

        Parameters
        ----------
        labels
            0 or 1 for each unit; None: the true sides.

        Returns
        -------
        Shape (n_units, p): intercept, pairs or batches, condition.
        """
        sides = np.array([u.side for u in self.units]) if labels is None else np.asarray(labels)
        columns = [np.ones(len(self.units))]
        groups = self.groups
        columns += [(groups == g).astype(float) for g in range(1, groups.max(initial=0) + 1)]
        return np.column_stack([*columns, sides])

    @property
    def groups(self) -> np.ndarray:
        """Within which group labels may change places: pair, batch or all; shape (n_units,)."""
        if self.paired:
            return np.tile(np.arange(self.n_units[0]), 2)
        if self.adjusted:
            return np.unique([u.batch for u in self.units], return_inverse=True)[1]
        return np.zeros(len(self.units), int)


def design(
    donors_source: np.ndarray | None,
    donors_target: np.ndarray | None,
    *,
    paired: bool | None = None,
    batches_source: np.ndarray | None = None,
    batches_target: np.ndarray | None = None,
    batch_name: str = "batch",
    covariates: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    n_cells: tuple[int, int] | None = None,
) -> Design:
    """Find the design of a comparison.

    Parameters
    ----------
    donors_source, donors_target
        Donor of every cell, shapes (N0,) and (N1,); None: not known.
    paired
        None: when at least three donors, and at least half of all, are in both conditions.
    batches_source, batches_target
        Batch of every cell, constant within a donor and condition.
    batch_name
        What to call the batch in sentences.
    covariates
        Further properties of every cell by name (sex, age group), (source, target): only looked
        at, to say which of them is the same as the condition.
    n_cells
        (N0, N1), needed without donors.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        ``paired=True`` without donors in both conditions; batches that are the same as the
        condition or change within a donor.
    """
    if donors_source is None or donors_target is None:
        if n_cells is None:
            msg = "Without donors the numbers of cells are needed: give n_cells."
            raise ValueError(msg)
        return _of_cells(n_cells)
    sentences: list[str] = []
    sides = [
        _units(i, donors, batches, batch_name, sentences)
        for i, (donors, batches) in enumerate(
            ((donors_source, batches_source), (donors_target, batches_target))
        )
    ]
    sides, paired = _pair(sides, sentences, paired=paired)
    adjusted = False
    if batches_source is not None and batches_target is not None:
        if paired:
            _changing_batches(sides, batch_name, sentences)
        else:
            adjusted = _crossed(sides, batch_name, sentences)
    for name, (of_source, of_target) in (covariates or {}).items():
        _confounded(name, of_source, of_target, sentences)
    n0, n1 = len(sides[0]), len(sides[1])
    if min(n0, n1) < MIN_DONORS:
        where = "in both conditions" if paired else "in a condition"
        sentences.append(
            f"Only {counted(min(n0, n1))} {where}: too few to say how much donors differ, so there "
            f"are no intervals and no p-values. At least {MIN_DONORS} are needed."
        )
    return Design(tuple(sides[0] + sides[1]), paired, adjusted, True, tuple(sentences))


def _of_cells(n_cells: tuple[int, int]) -> Design:
    units = [
        Unit(side, f"group {g + 1}", n // min(N_GROUPS, n), "")
        for side, n in enumerate(n_cells)
        for g in range(min(N_GROUPS, n))
    ]
    sentence = (
        "No donors were given: the intervals come from drawing cells anew. They leave out how much "
        "donors differ, so they are too narrow, and there are no p-values."
    )
    return Design(tuple(units), False, False, False, (sentence,))


def _units(
    side: int,
    donors: np.ndarray,
    batches: np.ndarray | None,
    batch_name: str,
    sentences: list[str],
) -> list[Unit]:
    names, index, counts = np.unique(
        np.asarray(donors).astype(str), return_inverse=True, return_counts=True
    )
    condition = ("source", "target")[side]
    of_batch = [""] * len(names)
    if batches is not None:
        text = np.asarray(batches).astype(str)
        for i, name in enumerate(names):
            own = sorted(set(text[index == i]))
            if len(own) > 1:
                of_batch[i] = " and ".join(own)
                sentences.append(
                    f"Donor {name!r} of the {condition} is in several values of {batch_name}: "
                    f"{', '.join(own)}; they count as a batch of their own."
                )
            else:
                of_batch[i] = own[0]
    small = [i for i, n in enumerate(counts) if n < MIN_CELLS_PER_DONOR]
    if small:
        listed = ", ".join(f"{names[i]} ({counts[i]})" for i in small)
        sentences.append(
            f"Left out of the uncertainty for fewer than {MIN_CELLS_PER_DONOR} cells in the "
            f"{condition}: {listed}."
        )
    return [
        Unit(side, str(names[i]), int(counts[i]), of_batch[i])
        for i in range(len(names))
        if i not in small
    ]


def _pair(
    sides: list[list[Unit]], sentences: list[str], *, paired: bool | None
) -> tuple[list[list[Unit]], bool]:
    names = [[u.donor for u in side] for side in sides]
    both = sorted(set(names[0]) & set(names[1]))
    if paired is None:
        paired = paired_unless_told(len(both), len(set(names[0]) | set(names[1])))
    if not paired:
        if both:
            sentences.append(
                f"{_listed(both)} in both conditions, but the design is not paired: the two halves "
                "count as different donors, which makes intervals wider than they need be."
            )
        return sides, False
    if not both:
        raise ValueError(NO_PAIRS)
    for side, condition in ((0, "source"), (1, "target")):
        alone = sorted(set(names[side]) - set(both))
        if alone:
            sentences.append(
                f"{_listed(alone)} in the {condition} only: left out of the uncertainty, in which "
                "donors are compared with themselves."
            )
    kept = [sorted((u for u in side if u.donor in both), key=lambda u: u.donor) for side in sides]
    return kept, True


def _listed(names: list[str], limit: int = 8) -> str:
    shown = ", ".join(names[:limit]) + (" ..." if len(names) > limit else "")
    return f"Donor {shown} is" if len(names) == 1 else f"Donors {shown} are"


def _changing_batches(sides: list[list[Unit]], name: str, sentences: list[str]) -> None:
    """Pairs whose two halves are in different batches cannot be rid of the batch."""
    moved = [a.donor for a, b in zip(*sides, strict=True) if a.batch != b.batch]
    if len(moved) < len(sides[0]):
        return
    of = [sorted({u.batch for u in side}) for side in sides]
    if not set(of[0]) & set(of[1]):
        sentences.append(
            f"{name.capitalize()} differs between the conditions in every donor "
            f"({', '.join(of[0])} against {', '.join(of[1])}): what looks like a change may be "
            f"the {name}."
        )


def _crossed(sides: list[list[Unit]], name: str, sentences: list[str]) -> bool:
    """Whether batches can be allowed for; refuse those that are the condition."""
    of = [{u.batch for u in side} for side in sides]
    if not all(of) or len(of[0] | of[1]) == 1:
        return False
    if not of[0] & of[1]:
        msg = (
            f"{name} is the same as the condition: the source has {', '.join(sorted(of[0]))}, the "
            f"target {', '.join(sorted(of[1]))}. A change cannot be told from a difference between "
            f"batches; leave {name} out only if it cannot matter."
        )
        raise ValueError(msg)
    for batch in sorted(of[0] ^ of[1]):
        side = "source" if batch in of[0] else "target"
        sentences.append(
            f"{name.capitalize()} {batch!r} has donors of the {side} only: they say nothing "
            "about the change."
        )
    n_units = len(sides[0]) + len(sides[1])
    if n_units - len(of[0] | of[1]) - 1 < 2:
        sentences.append(
            f"There are too few donors to allow for {name}: it is left out of the model."
        )
        return False
    return True


def _confounded(
    name: str, of_source: np.ndarray, of_target: np.ndarray, sentences: list[str]
) -> None:
    values = [{str(v) for v in np.unique(x.astype(str))} for x in (of_source, of_target)]
    if all(len(v) <= 3 for v in values) and not values[0] & values[1]:
        sentences.append(
            f"{name.capitalize()} differs between the conditions in every donor "
            f"({', '.join(sorted(values[0]))} against {', '.join(sorted(values[1]))}): what looks "
            f"like a change may be {name}."
        )


def unit_of_cells(
    found: Design,
    donors: tuple[np.ndarray | None, np.ndarray | None],
    n_cells: tuple[int, int],
    random_state: int,
) -> list[np.ndarray]:
    """Give the unit of every cell on either side, -1 for cells that are left out.

    Parameters
    ----------
    found
        The design.
    donors
        Donor of every cell of either side; None: cells are dealt to the groups at random.
    n_cells
        (N0, N1).
    random_state
        Seed of the dealing.
    """
    rng = np.random.default_rng(random_state)
    out = []
    for side, names in enumerate(donors):
        units = found.side(side)
        if names is None or not found.replicated:
            dealt = np.arange(n_cells[side]) % len(units)
            out.append(rng.permutation(dealt))
            continue
        position = {u.donor: i for i, u in enumerate(units)}
        known, index = np.unique(np.asarray(names).astype(str), return_inverse=True)
        out.append(np.array([position.get(str(d), -1) for d in known])[index])
    return out


NO_PAIRS = (
    "paired=True needs donors that are in both conditions, but no donor is: "
    "check the donor names or use paired=False."
)


def paired_unless_told(n_both: int, n_donors: int) -> bool:
    """Whether donors are compared with themselves when nobody says.

    Parameters
    ----------
    n_both
        Donors that are in both conditions.
    n_donors
        All donors.
    """
    return n_both >= max(MIN_DONORS, n_donors / 2)


def counted(n: int) -> str:
    """Write "1 donor" or "2 donors"."""
    return f"{n} donor" if n == 1 else f"{n} donors"
