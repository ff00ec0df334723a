from __future__ import annotations

import numpy as np

from cgmm.donors.design import Design, design
from cgmm.donors.facts import Exchanges
from cgmm.donors.reasons import Reason
from cgmm.donors.which_test import choose_test


def of(n_donors: int) -> Design:
    donors = [np.repeat([f"{side}{i}" for i in range(n_donors)], 25) for side in "ab"]
    return design(*donors)


def test_the_test_of_the_interval_is_reported() -> None:
    for exchanges in (Exchanges(0), Exchanges(1000, 92378, 1 / 1001)):
        found, why = choose_test("auto", exchanges, of(10))
        assert found == "moderated_t"
        assert why.reason is Reason.OF_INTERVAL


def test_a_test_that_was_asked_for_is_reported() -> None:
    found, why = choose_test("permutation", Exchanges(125, 126, 1 / 126), of(5))
    assert found == "permutation"
    assert why.reason is Reason.ASKED_FOR


def test_few_donors_have_no_test_to_report() -> None:
    found, why = choose_test("auto", None, of(2))
    assert found == ""
    assert why.reason is Reason.NO_TEST
