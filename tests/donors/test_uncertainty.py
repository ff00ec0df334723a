"""Which of the two tests is the one to read."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.design import design
from cgmm.donors.uncertainty import _choose


def of(n_donors: int):
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
    drawn = min(n_distinct, 1001)
    facts = {"smallest_p": 1 / drawn, "n_permutations": drawn - 1, "n_distinct": n_distinct}
    found, why = _choose("auto", facts, n_tests, of(n_donors))
    assert found == chosen
    assert str(n_tests) in why
    assert ("raise n_permutations" in why) == (n_donors == 10 and chosen == "moderated_t")
    assert _choose("permutation", facts, n_tests, of(n_donors)) == ("permutation", "asked for")


def test_few_donors_have_no_test_to_read() -> None:
    assert _choose("auto", {}, 3, of(2))[0] == ""
