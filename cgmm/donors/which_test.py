"""Choice of the test over donors to report: the permutation test or the moderated t-test.

The choice depends on the design and on the number of tests, never on the p-values.  A permutation
test is exact, but with few ways to exchange the donors it cannot give a small p.  It is reported
when three times the smallest attainable p still passes a Bonferroni correction for all
subpopulations.  A subpopulation can then be a finding without being the most extreme of all
exchanges.  Otherwise the moderated t-test is reported.
"""

from __future__ import annotations

from typing import Literal

from cgmm.donors.design import Design
from cgmm.donors.facts import Exchanges
from cgmm.donors.reasons import Note, Reason
from cgmm.thresholds import ALPHA

Test = Literal["auto", "permutation", "moderated_t"]
P_HEADROOM = 3


def choose_test(
    test: Test, exchanges: Exchanges | None, n_tests: int, design: Design
) -> tuple[str, Note]:
    """Return the test to report, "" when there is no test, and the reason of the choice.

    Parameters
    ----------
    test
        "auto", or the test that the caller asked for.
    exchanges
        Exchanges that were made; None when donors are too few.
    n_tests
        Number of subpopulations that are tested.
    design
        The design of the donors.
    """
    if not design.testable or exchanges is None:
        return "", Reason.NO_TEST.note()
    if test != "auto":
        return test, Reason.ASKED_FOR.note()
    smallest = exchanges.smallest_p
    if smallest is None or exchanges.n_distinct is None:
        return "moderated_t", Reason.ONLY_TEST.note()
    if P_HEADROOM * smallest * n_tests <= ALPHA:
        return "permutation", Reason.FINE_ENOUGH.note(smallest=smallest, n_tests=n_tests)
    if exchanges.n_made < exchanges.n_distinct - 1:
        return "moderated_t", Reason.FEW_EXCHANGES_MADE.note(
            n_exchanges=exchanges.n_made, smallest=smallest, n_tests=n_tests
        )
    return "moderated_t", Reason.FEW_EXCHANGES_EXIST.note(
        n_distinct=exchanges.n_distinct, smallest=smallest, n_tests=n_tests
    )
