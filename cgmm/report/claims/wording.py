"""The words for a difference, the same in headline, tiles, titles and lines.

A change is what a test over donors found. Without a test, with one or two donors a condition,
things differ: nothing says that they would differ in other donors.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """Words for one degree of certainty.

    Attributes
    ----------
    opening
        Heading of the opening.
    prevalence, state, matches
        Questions of the opening, and names of their sections in the list beside the page.
    more, less, moved, one_sided, one_sided_unsure
        Titles of the tiles; the last where a population that seems gone has no test of its own.
    factors_title, forest_title, shifts_title, distance_title, flow_title
        Headings.
    rarer, commoner
        Ends of the axis of factors.
    """

    opening: str
    prevalence: str
    state: str
    matches: str
    more: str
    less: str
    moved: str
    one_sided: str
    one_sided_unsure: str
    factors_title: str
    forest_title: str
    shifts_title: str
    distance_title: str
    flow_title: str
    rarer: str
    commoner: str


TESTED = Wording(
    opening="What changed",
    prevalence="More or less common",
    state="Changed state",
    matches="Who became whom",
    more="more common",
    less="rarer",
    moved="changed state",
    one_sided="new or gone",
    one_sided_unsure="new, gone or hardly any left",
    factors_title="What became more or less common",
    forest_title="How much more or less common each population became",
    shifts_title="What changed state",
    distance_title="How far every population moved",
    flow_title="Who became whom",
    rarer="rarer",
    commoner="more common",
)
NOT_TESTED = Wording(
    opening="What differs",
    prevalence="Different shares",
    state="Different states",
    matches="Who corresponds to whom",
    more="larger share",
    less="smaller share",
    moved="different state",
    one_sided="in one condition only",
    one_sided_unsure="almost only in one condition",
    factors_title="Which shares differ",
    forest_title="How much larger or smaller each share is",
    shifts_title="Which states differ",
    distance_title="How far the states of every population lie apart",
    flow_title="Who corresponds to whom",
    rarer="smaller share",
    commoner="larger share",
)


def words_for(*, tested: bool) -> Wording:
    """Return the words for differences that were tested over donors, or that were not."""
    return TESTED if tested else NOT_TESTED
