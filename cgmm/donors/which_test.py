"""Choice of the test over donors to report.

The moderated t-test is reported, because factor, interval and p are then one statistic
(:mod:`cgmm.donors.change`).  The permutation test is reported when it is asked for.  Its p is no
better: the movement that is taken back before conditions are exchanged was fitted with the true
conditions, so the test is not exact, and with few donors it cannot give a small p.
"""

from __future__ import annotations

from typing import Literal

from cgmm.donors.design import Design
from cgmm.donors.facts import Exchanges
from cgmm.donors.reasons import Note, Reason

Test = Literal["auto", "permutation", "moderated_t"]


def choose_test(test: Test, exchanges: Exchanges | None, design: Design) -> tuple[str, Note]:
    """Return the test to report, "" when there is no test, and the reason of the choice.

    Parameters
    ----------
    test
        "auto", or the test that the caller asked for.
    exchanges
        Exchanges that were made; None when donors are too few.
    design
        The design of the donors.
    """
    if not design.testable or exchanges is None:
        return "", Reason.NO_TEST.note()
    if test != "auto":
        return test, Reason.ASKED_FOR.note()
    return "moderated_t", Reason.OF_INTERVAL.note()
