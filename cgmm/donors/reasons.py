"""Reasons why a number is missing or limited: values, each with a sentence.

Code compares the :class:`Reason`; readers see the sentence, ``str(note)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Reason(Enum):
    """One kind of remark on a comparison; the value is its sentence, with fields in braces."""

    # no interval, or no p-value, for a subpopulation
    NO_REPLICATION = "No donors were given, so there is no replication to base an interval on."
    FEW_PAIRS = "Only {donors} in both conditions; an interval needs at least {least}."
    FEW_IN_EACH = (
        "Only {source} in the source and {target} in the target; "
        "an interval needs at least {least} in each."
    )
    FEW_CELLS_TOGETHER = (
        "{n_cells} cells in both conditions together; an interval needs at least {least}."
    )
    IN_ONE_DONOR_ONLY = "Seen in only {donors}; an interval needs at least 2."
    FEW_CELLS_ON_A_SIDE = (
        "{n_cells} cells in one of the conditions; a change of state needs at least {least} in "
        "each."
    )
    FEW_DONORS_TO_MOVE = (
        "Fewer than {least} donors in a condition have {n_cells} of its cells, so there is no "
        "interval for the change of state."
    )
    FEW_FOR_A_TREND = (
        "Fewer than {least} donors in the source, or in the targets together; a trend needs as "
        "many in both."
    )
    NO_POPULATION_OF_STATE = "The state belongs to no population."
    ONE_STATE = "The population has no second state of {least} source cells to compare it with."
    FEW_CELLS_OF_STATE = "Fewer than {least} source cells of the population are in the state."
    STATES_MOVED_APART = (
        "The states of the population moved in different ways, so which part of it cells of the "
        "target came from cannot be counted without error."
    )
    FOUND_AND_MOVED = (
        "The population was found by the fit, not by labels, and it moved: intervals of its states "
        "that were tried did not hold the truth often enough."
    )
    FEW_DONORS_OF_POPULATION = (
        "Fewer than {least} donors in a condition have {n_cells} cells of the population, or too "
        "few for the design formula."
    )
    CELLS_ONLY = "No donors: the interval is that of groups of cells, and there is no p-value."

    # remarks on a whole comparison
    FEW_DONORS = (
        "Only {donors} {where}: too few to say how much donors differ, so there "
        "are no intervals and no p-values. At least {least} are needed."
    )
    CELLS_DRAWN = (
        "No donors were given: the intervals come from groups of cells. They leave out how much "
        "donors differ, so they are too narrow, and there are no p-values."
    )
    SEVERAL_BATCHES = (
        "Donor {donor!r} of the {side} is in several values of {batch}: "
        "{values}; they count as a batch of their own."
    )
    SMALL_DONORS = (
        "Left out of every factor, interval and test for fewer than {least} cells in the {side}: "
        "{donors}."
    )
    HALVES_APART = (
        "{donors} in both conditions, but the design is not paired: the two halves "
        "count as different donors, which makes intervals wider than they need be."
    )
    WITHOUT_PARTNER = (
        "{donors} in the {side} only: left out of every factor, interval and test, in which "
        "donors are compared with themselves."
    )
    BATCH_CHANGES = (
        "{name} differs between the conditions in every donor "
        "({source} against {target}): what looks like a change may be "
        "the {batch}."
    )
    COVARIATE_CHANGES = (
        "{name} differs between the conditions in every donor "
        "({source} against {target}): what looks "
        "like a change may be {covariate}."
    )
    ONE_SIDED_BATCH = (
        "{name} {batch!r} has donors of the {side} only: they say nothing about the change."
    )
    FEW_FOR_BATCHES = "There are too few donors to allow for {batch}: it is left out of the model."
    READ_AS_NUMBERS = (
        "{column} is read as a number, with one effect per unit; write C({column}) for groups."
    )
    WITHIN_PAIRS = (
        "{column} is the same in both conditions of every donor: the pairs already allow for it."
    )
    NESTED = "Every {inner} lies in one {outer}: allowing for {inner} allows for {outer} too."
    FIT_NOT_ADJUSTED = (
        "The design formula enters factors and shifts of populations, shares of states within "
        "them, the influence of donors and the tests of genes; transfers and components allow for "
        "pairs and batches only."
    )
    NO_REPEATED_SAMPLES = (
        "No donor has several samples in a condition, so samples have no donor effect."
    )
    CELLS_OF_LARGE_DONORS = "Refits look at {n_cells:,} cells of every donor that has more."

    # which of the two tests is reported
    NO_TEST = "no p-values: the donors are too few or not known"
    ASKED_FOR = "asked for"
    OF_INTERVAL = "the interval is of the same statistic"

    def note(self, **values: Any) -> Note:
        """Return a note with values for the fields of the sentence."""
        return Note(self, values)


@dataclass(frozen=True)
class Note:
    """A reason with the names and numbers of its case; ``str`` gives the sentence.

    Attributes
    ----------
    reason
        Kind of remark.
    values
        Values for the fields of the sentence.
    """

    reason: Reason
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.reason.value.format(**self.values)


def in_words(notes: Sequence[Note | None]) -> list[str]:
    """Return the sentence of every note, "" where there is no note."""
    return ["" if note is None else str(note) for note in notes]


def n_donors_in_words(n: int) -> str:
    """Return a number of donors in words: "1 donor", "2 donors"."""
    return f"{n} donor" if n == 1 else f"{n} donors"
