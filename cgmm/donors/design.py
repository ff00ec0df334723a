"""The design of a comparison: which donors are replicates, which are pairs, which batches count.

The unit of replication is a donor in one condition.  A design is *paired* when every donor is
compared with itself; otherwise the donors of the source and of the target are independent.  The
model allows for batches that hold donors of both conditions.  A batch that is the same as the
condition is refused, because its effect cannot be separated from the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cgmm._utils.codes import coded
from cgmm.donors.confounding import allow_for_batches, note_batches_of_pairs, note_covariate
from cgmm.donors.reasons import Note, Reason, n_donors_in_words
from cgmm.pair import SIDES
from cgmm.thresholds import MIN_CELLS_PER_DONOR, MIN_DONORS

N_GROUPS = 50
MAX_LISTED = 8
NO_PAIRS = (
    "paired=True needs donors that are in both conditions, but no donor is: "
    "check the donor names or use paired=False."
)


class Unit(NamedTuple):
    """One donor in one condition, or one group of cells where donors are not known."""

    side: int  #: 0 source, 1 target
    donor: str
    n_cells: int
    batch: str  #: "" when batches are not known


class Design(NamedTuple):
    """The replicates of a comparison.

    Attributes
    ----------
    units
        The units of the source, then the units of the target.  In a paired design donor i of the
        source is donor i of the target.
    paired
        Whether donors are compared with themselves.
    adjusted
        Whether the model allows for batches.
    replicated
        Whether the units are donors; otherwise they are groups of cells drawn at random.
    notes
        Which donors were left out, and what limits the answer.
    """

    units: tuple[Unit, ...]
    paired: bool
    adjusted: bool
    replicated: bool
    notes: tuple[Note, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The notes in words."""
        return tuple(map(str, self.notes))

    def side(self, side: int) -> list[Unit]:
        """Units of the source (0) or of the target (1)."""
        return [u for u in self.units if u.side == side]

    @property
    def n_units(self) -> tuple[int, int]:
        """Number of units of source and target."""
        return len(self.side(0)), len(self.side(1))

    @property
    def sides(self) -> np.ndarray:
        """Side of every unit, 0 or 1, shape (n_units,)."""
        return np.array([u.side for u in self.units])

    @property
    def too_few_donors(self) -> Note | None:
        """The note that donors are too few for intervals and p-values; None when they are not."""
        fewest = min(self.n_units)
        if not self.replicated or fewest >= MIN_DONORS:
            return None
        where = "in both conditions" if self.paired else "in a condition"
        donors = n_donors_in_words(fewest)
        return Reason.FEW_DONORS.note(donors=donors, where=where, least=MIN_DONORS)

    @property
    def testable(self) -> bool:
        """Whether there are enough donors for a p-value."""
        return self.replicated and min(self.n_units) >= MIN_DONORS and self._freedom > 0

    @property
    def _freedom(self) -> int:
        """Residual degrees of freedom of the linear model."""
        return len(self.units) - self.matrix().shape[1]

    def matrix(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Design matrix of the linear model over the units; the condition is the last column.

        Parameters
        ----------
        labels
            Condition of every unit, 0 or 1; None: the observed one.

        Returns
        -------
        Shape (n_units, p): intercept, pairs or batches, condition.
        """
        condition = self.sides if labels is None else np.asarray(labels)
        columns = [np.ones(len(self.units))]
        groups = self.groups
        columns += [(groups == g).astype(float) for g in range(1, groups.max(initial=0) + 1)]
        return np.column_stack([*columns, condition])

    @property
    def groups(self) -> np.ndarray:
        """Block of every unit, shape (n_units,): labels are exchanged within a block only.

        A block is a pair, a batch, or the whole comparison.
        """
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
    """Return the design of a comparison, found from the donors and batches of its cells.

    Parameters
    ----------
    donors_source, donors_target
        Donor of every cell, shapes (N0,) and (N1,); None: not known.
    paired
        Compare donors with themselves.  None: when at least three donors, and at least half of
        all donors, are in both conditions.
    batches_source, batches_target
        Batch of every cell, shapes (N0,) and (N1,), constant within a donor and condition.
    batch_name
        What a batch is called in sentences.
    covariates
        Further properties of every cell by name (sex, age group), as (source, target).  They do
        not enter the model; a note names each one that differs between the conditions in every
        donor.
    n_cells
        (N0, N1), needed without donors.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        ``paired=True`` without donors in both conditions; batches that are the same as the
        condition; no donors and no ``n_cells``.
    """
    if donors_source is None or donors_target is None:
        if n_cells is None:
            msg = "Without donors the numbers of cells are needed: give n_cells."
            raise ValueError(msg)
        return _design_of_cells(n_cells)
    notes: list[Note] = []
    sides = [
        _units(side, donors, batches, batch_name, notes)
        for side, (donors, batches) in enumerate(
            ((donors_source, batches_source), (donors_target, batches_target))
        )
    ]
    sides, paired = _pair_up(sides, notes, paired=paired)
    adjusted = False
    if batches_source is not None and batches_target is not None:
        batches = [[u.batch for u in side] for side in sides]
        if paired:
            note_batches_of_pairs(batches[0], batches[1], batch_name, notes)
        else:
            adjusted = allow_for_batches(batches[0], batches[1], batch_name, notes)
    for name, (of_source, of_target) in (covariates or {}).items():
        note_covariate(name, of_source, of_target, notes)
    made = Design(tuple(sides[0] + sides[1]), paired, adjusted, True, tuple(notes))
    few = made.too_few_donors
    return made if few is None else made._replace(notes=(*notes, few))


def design_of_donors(
    source: tuple[np.ndarray, np.ndarray],
    target: tuple[np.ndarray, np.ndarray],
    *,
    paired: bool | None = None,
) -> Design:
    """Return the design of a comparison from its donors and their numbers of cells, no batches.

    Parameters
    ----------
    source, target
        Names of the donors and number of cells of every donor, shapes (n,).
    paired
        As in :func:`design`.

    Raises
    ------
    ValueError
        ``paired=True`` without donors in both conditions.
    """
    notes: list[Note] = []
    sides = [
        _large_enough([Unit(side, str(d), int(n), "") for d, n in zip(*donors, strict=True)], notes)
        for side, donors in enumerate((source, target))
    ]
    sides, paired = _pair_up(sides, notes, paired=paired)
    return Design(tuple(sides[0] + sides[1]), paired, False, True, tuple(notes))


def unit_of_cells(
    plan: Design,
    donors: tuple[np.ndarray | None, np.ndarray | None],
    n_cells: tuple[int, int],
    random_state: int,
) -> list[np.ndarray]:
    """Return the unit of every cell of source and target, -1 for cells that are left out.

    Parameters
    ----------
    plan
        The design.
    donors
        Donor of every cell of source and target; None: cells are assigned to the groups at random.
    n_cells
        (N0, N1).
    random_state
        Seed of the random assignment.

    Returns
    -------
    Positions within ``plan.side(0)`` and ``plan.side(1)``, shapes (N0,) and (N1,).
    """
    rng = np.random.default_rng(random_state)
    out = []
    for side, names in enumerate(donors):
        units = plan.side(side)
        if names is None or not plan.replicated:
            out.append(rng.permutation(np.arange(n_cells[side]) % len(units)))
            continue
        position = {u.donor: i for i, u in enumerate(units)}
        distinct, index = coded(names)
        out.append(np.array([position.get(str(d), -1) for d in distinct])[index])
    return out


def paired_by_default(n_both: int, n_donors: int) -> bool:
    """Whether donors are compared with themselves when ``paired`` is not given.

    Parameters
    ----------
    n_both
        Number of donors in both conditions.
    n_donors
        Number of all donors.

    Returns
    -------
    True when at least three donors, and at least half of all, are in both conditions.
    """
    return n_both >= max(MIN_DONORS, n_donors / 2)


def _design_of_cells(n_cells: tuple[int, int]) -> Design:
    """Design without donors: groups of cells stand in for them."""
    units = [
        Unit(side, f"group {g + 1}", n // min(N_GROUPS, n), "")
        for side, n in enumerate(n_cells)
        for g in range(min(N_GROUPS, n))
    ]
    return Design(tuple(units), False, False, False, (Reason.CELLS_DRAWN.note(),))


def _units(
    side: int,
    donors: np.ndarray,
    batches: np.ndarray | None,
    batch_name: str,
    notes: list[Note],
) -> list[Unit]:
    """Units of one side, from the cells."""
    names, index = coded(donors)
    counts = np.bincount(index, minlength=len(names))
    condition = SIDES[side]
    of_batch = [""] * len(names)
    if batches is not None:
        text = np.asarray(batches).astype(str)
        for i, name in enumerate(names.tolist()):
            values = sorted(set(text[index == i]))
            of_batch[i] = " and ".join(values)
            if len(values) > 1:
                note = Reason.SEVERAL_BATCHES.note(
                    donor=name, side=condition, batch=batch_name, values=", ".join(values)
                )
                notes.append(note)
    units = [
        Unit(side, str(name), int(n), batch)
        for name, n, batch in zip(names, counts, of_batch, strict=True)
    ]
    return _large_enough(units, notes)


def _large_enough(units: list[Unit], notes: list[Note]) -> list[Unit]:
    """Return the units with enough cells; units with too few cells are noted."""
    small = [u for u in units if u.n_cells < MIN_CELLS_PER_DONOR]
    if small:
        listed = ", ".join(f"{u.donor} ({u.n_cells})" for u in small)
        notes.append(
            Reason.SMALL_DONORS.note(
                least=MIN_CELLS_PER_DONOR, side=SIDES[small[0].side], donors=listed
            )
        )
    return [u for u in units if u not in small]


def _pair_up(
    sides: list[list[Unit]], notes: list[Note], *, paired: bool | None
) -> tuple[list[list[Unit]], bool]:
    """Units in the order of their pairs, and whether the design is paired."""
    names = [[u.donor for u in side] for side in sides]
    both = sorted(set(names[0]) & set(names[1]))
    if paired is None:
        paired = paired_by_default(len(both), len(set(names[0]) | set(names[1])))
    if not paired:
        if both:
            notes.append(Reason.HALVES_APART.note(donors=_listed(both)))
        return sides, False
    if not both:
        raise ValueError(NO_PAIRS)
    for side, condition in enumerate(SIDES):
        alone = sorted(set(names[side]) - set(both))
        if alone:
            notes.append(Reason.WITHOUT_PARTNER.note(donors=_listed(alone), side=condition))
    kept = [sorted((u for u in side if u.donor in both), key=lambda u: u.donor) for side in sides]
    return kept, True


def _listed(names: list[str]) -> str:
    """Write "Donor a is" or "Donors a, b are"."""
    shown = ", ".join(names[:MAX_LISTED]) + (" ..." if len(names) > MAX_LISTED else "")
    return f"Donor {shown} is" if len(names) == 1 else f"Donors {shown} are"
