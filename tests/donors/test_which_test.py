from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.design import Design, design
from cgmm.donors.facts import Exchanges
from cgmm.donors.reasons import Reason
from cgmm.donors.which_test import choose_test


def of(n_donors: int) -> Design:
    donors = [np.repeat([f"{side}{i}" for i in range(n_donors)], 25) for side in "ab"]
    return design(*donors)


@pytest.mark.parametrize(
    ("n_donors", "n_distinct", "n_tests", "chosen"),
    [
        (5, 126, 2, "permutation"),
        (5, 126, 3, "moderated_t"),
        (6, 462, 7, "permutation"),
        (6, 462, 8, "moderated_t"),
        (10, 92378, 16, "permutation"),
        (10, 92378, 17, "moderated_t"),
    ],
)
def test_permutation_needs_room_below_the_corrected_level(
    n_donors: int, n_distinct: int, n_tests: int, chosen: str
) -> None:
    n_made = min(n_distinct, 1001)
    exchanges = Exchanges(n_made - 1, n_distinct, 1 / n_made)
    found, why = choose_test("auto", exchanges, n_tests, of(n_donors))
    assert found == chosen
    assert str(n_tests) in str(why)
    more_would_help = n_donors == 10 and chosen == "moderated_t"
    assert (why.reason is Reason.FEW_EXCHANGES_MADE) == more_would_help
    assert ("raise n_permutations" in str(why)) == more_would_help


def test_a_test_that_was_asked_for_is_reported() -> None:
    found, why = choose_test("permutation", Exchanges(125, 126, 1 / 126), 50, of(5))
    assert found == "permutation"
    assert why.reason is Reason.ASKED_FOR


def test_without_exchanges_the_moderated_t_test_is_the_only_one() -> None:
    found, why = choose_test("auto", Exchanges(0), 3, of(5))
    assert found == "moderated_t"
    assert why.reason is Reason.ONLY_TEST


def test_few_donors_have_no_test_to_report() -> None:
    found, why = choose_test("auto", None, 3, of(2))
    assert found == ""
    assert why.reason is Reason.NO_TEST
