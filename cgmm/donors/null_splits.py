"""How often a study's own settings call a change where nothing can have changed.

The donors of one condition are divided at random into two groups, in the proportion of the two
conditions, and compared like the conditions.  Whatever is called is a false call.  Donors of one
condition differ in all that makes donors differ, so the calls contain what a simulation would have
to assume.  A split needs three donors in each group, so six donors in a condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cgmm.donors.change import changes
from cgmm.donors.design import Design, Unit
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.pair import SIDES
from cgmm.thresholds import ALPHA, MIN_DONORS


class Split(NamedTuple):
    """Two groups of donors of one condition.

    Attributes
    ----------
    side
        The condition, 0 source or 1 target.
    first, second
        Positions within ``design.side(side)``.
    """

    side: int
    first: np.ndarray
    second: np.ndarray


class Calls(NamedTuple):
    """What was called in the splits.

    Attributes
    ----------
    n_splits
        Number of splits.
    n_tests
        Number of tests in all splits.
    small_p
        Part of the tests with p below 0.05.
    any_called
        Part of the splits with at least one q below 0.05.
    """

    n_splits: int
    n_tests: int
    small_p: float
    any_called: float

    @classmethod
    def of(cls, p: Sequence[np.ndarray], q: Sequence[np.ndarray]) -> Calls:
        """Return the counts of p- and q-values, one array for each split."""
        tested = np.concatenate([x[np.isfinite(x)] for x in p]) if len(p) else np.zeros(0)
        called = [bool((x < ALPHA).any()) for x in q]
        return cls(
            len(p),
            len(tested),
            float((tested < ALPHA).mean()) if len(tested) else np.nan,
            float(np.mean(called)) if called else np.nan,
        )


def splits(design: Design, n: int, random_state: int) -> list[Split]:
    """Return random splits of the donors of one condition.

    Conditions with enough donors are split by turns.

    Parameters
    ----------
    design
        The design of the study.
    n
        Number of splits.
    random_state
        Seed.

    Raises
    ------
    ValueError
        When no condition has six donors.
    """
    usable = [side for side in (0, 1) if design.n_units[side] >= 2 * MIN_DONORS]
    if not (design.replicated and usable):
        source, target = design.n_units if design.replicated else (0, 0)
        msg = (
            f"A split of the donors of one condition needs {2 * MIN_DONORS} of them; the source "
            f"has {source} and the target {target}. Calibration is not possible with so few donors."
        )
        raise ValueError(msg)
    rng = np.random.default_rng(random_state)
    part = design.n_units[0] / sum(design.n_units)
    out = []
    for i in range(n):
        side = usable[i % len(usable)]
        n_donors = design.n_units[side]
        n_first = int(np.clip(round(part * n_donors), MIN_DONORS, n_donors - MIN_DONORS))
        order = rng.permutation(n_donors)
        out.append(Split(side, order[:n_first], order[n_first:]))
    return out


def design_of_split(design: Design, split: Split) -> Design:
    """Return the design in which the groups of a split are the conditions."""
    own = design.side(split.side)
    units = [
        Unit(side, own[i].donor, own[i].n_cells, "")
        for side, group in enumerate((split.first, split.second))
        for i in group
    ]
    return Design(tuple(units), False, False, True, ())


def calls_of_shares(shares: np.ndarray, design: Design, made: Sequence[Split]) -> Calls:
    """Return what is called when shares are compared between the groups of every split.

    Parameters
    ----------
    shares
        Shares of the populations in the units of the design, shape (n_units, K).
    design
        The design of the study.
    made
        From :func:`splits`.
    """
    p, q = [], []
    for split in made:
        plan = design_of_split(design, split)
        start = 0 if split.side == 0 else design.n_units[0]
        rows = start + np.concatenate([split.first, split.second])
        n_cells = np.array([unit.n_cells for unit in plan.units])
        found = changes(shares[rows], n_cells, plan)
        p.append(found.p)
        q.append(benjamini_hochberg(found.p))
    return Calls.of(p, q)


def conditions_split(made: Sequence[Split]) -> str:
    """Return the conditions that were split, in words: "source", "target" or both."""
    return " and ".join(side for i, side in enumerate(SIDES) if any(s.side == i for s in made))
