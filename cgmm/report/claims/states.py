"""The states of a finding and the levels of an alert, each with its words.

The values are also classes of the style sheet.
"""

from __future__ import annotations

from enum import StrEnum

GONE, NEW = "gone", "new"  # status of a population in factors.tsv and arrivals.tsv


class Prevalence(StrEnum):
    """What happened to the prevalence of a population."""

    MORE = "more"
    LESS = "less"
    SEEMS_MORE = "seems_more"
    SEEMS_LESS = "seems_less"
    SAME = "same"
    SIMILAR = "similar"
    UNCLEAR = "unclear"
    GONE = GONE
    NEW = NEW
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """The state in words."""
        return _PREVALENCE[self][0]

    @property
    def brief(self) -> str:
        """The state in words, for a table that is about prevalence alone."""
        return _PREVALENCE[self][1]

    @property
    def is_change(self) -> bool:
        """Whether the state is reported as a change."""
        return self not in _NO_CHANGE

    @property
    def is_growth_or_loss(self) -> bool:
        """Whether the change is a factor, tested or not: neither gone nor new."""
        return self in _GREW or self in _SHRANK

    @property
    def is_apparent(self) -> bool:
        """Whether the state is a difference that was not tested over donors."""
        return self in {Prevalence.SEEMS_MORE, Prevalence.SEEMS_LESS}

    @property
    def has_factor(self) -> bool:
        """Whether the state has a factor; where its interval is missing, the reason is shown."""
        return self not in {Prevalence.NEW, Prevalence.UNKNOWN}

    @property
    def direction(self) -> str:
        """Class of the marks that show the factor: "up", "down" or "flat"."""
        return "up" if self in _GREW else "down" if self in _SHRANK else "flat"


_PREVALENCE = {
    Prevalence.MORE: ("more common", "more common"),
    Prevalence.LESS: ("rarer", "rarer"),
    Prevalence.SEEMS_MORE: ("larger share", "larger share"),
    Prevalence.SEEMS_LESS: ("smaller share", "smaller share"),
    Prevalence.SAME: ("about the same prevalence", "about the same"),
    Prevalence.SIMILAR: ("similar share", "similar"),
    Prevalence.UNCLEAR: ("no clear change in prevalence", "no clear change"),
    Prevalence.GONE: ("gone", "gone"),
    Prevalence.NEW: ("new", "new"),
    Prevalence.UNKNOWN: ("prevalence unknown", "unknown"),
}
_GREW = {Prevalence.MORE, Prevalence.SEEMS_MORE}
_SHRANK = {Prevalence.LESS, Prevalence.SEEMS_LESS}
_NO_CHANGE = {Prevalence.SAME, Prevalence.SIMILAR, Prevalence.UNCLEAR, Prevalence.UNKNOWN}


class Shift(StrEnum):
    """How far the state of a population moved."""

    STRONG = "strong"
    MODERATE = "moderate"
    SMALL = "small"
    NONE = "none"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """The shift in words."""
        if self is Shift.NONE:
            return "no visible state shift"
        return f"{'no clear' if self is Shift.UNCLEAR else self} state shift"

    @property
    def untested_words(self) -> str:
        """The shift in words where nothing was tested over donors."""
        if self is Shift.NONE:
            return "no visible difference of state"
        return f"{'no clear' if self is Shift.UNCLEAR else self} difference of state"

    @property
    def brief(self) -> str:
        """The shift beside its distance."""
        if self is Shift.NONE:
            return "not visible"
        return "not clear" if self is Shift.UNCLEAR else str(self)

    @property
    def is_change(self) -> bool:
        """Whether the shift is reported as a change of state."""
        return self in {Shift.STRONG, Shift.MODERATE}

    @property
    def is_seen(self) -> bool:
        """Whether there is a shift that leading genes can belong to."""
        return self not in {Shift.NONE, Shift.UNCLEAR}


class Level(StrEnum):
    """How serious an alert is, worst first."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "info"

    @property
    def badge(self) -> str:
        """The word before the alert."""
        return self.name.capitalize()

    @property
    def rank(self) -> int:
        """Place in the order of alerts, 0 for the worst."""
        return list(Level).index(self)
