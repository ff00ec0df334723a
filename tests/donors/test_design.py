from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.design import design, paired_by_default, unit_of_cells
from cgmm.donors.permutation import labellings
from cgmm.donors.reasons import Reason


def cells(names: str, n: int = 30) -> np.ndarray:
    """Each donor of a space-separated list with as many cells."""
    return np.repeat(names.split(), n).astype(object)


def test_independent_donors_and_their_matrix() -> None:
    found = design(cells("a b c"), cells("d e f g"))
    assert not found.paired
    assert found.n_units == (3, 4)
    assert found.testable
    assert found.sentences == ()
    np.testing.assert_array_equal(found.matrix()[:, -1], [0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(found.matrix()[:, 0], 1)


def test_pairs_are_found_and_stand_in_the_same_order() -> None:
    found = design(cells("b a c x"), cells("c b a"))
    assert found.paired
    names = [[u.donor for u in found.side(s)] for s in (0, 1)]
    assert names[0] == names[1] == ["a", "b", "c"]
    assert [note.reason for note in found.notes] == [Reason.WITHOUT_PARTNER]
    assert found.sentences[0].startswith("Donor x is in the source only")
    assert np.linalg.matrix_rank(found.matrix()) == found.matrix().shape[1] == 4


def test_a_donor_in_both_arms_of_an_unpaired_design_gets_a_note() -> None:
    found = design(cells("a b c d e"), cells("a f g h i"))
    assert not found.paired
    assert [note.reason for note in found.notes] == [Reason.HALVES_APART]
    assert "Donor a is in both conditions" in found.sentences[0]
    assert found.n_units == (5, 5)


def test_pairs_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="no donor is"):
        design(cells("a b c"), cells("d e f"), paired=True)


def test_small_donors_are_left_out_in_words() -> None:
    tiny = np.concatenate([cells("a b c"), cells("d", 3)])
    found = design(tiny, cells("e f g"))
    assert found.n_units == (3, 3)
    assert any("d (3)" in s and "fewer than 20 cells" in s for s in found.sentences)
    units = unit_of_cells(found, (tiny, cells("e f g")), (len(tiny), 90), 0)
    assert (units[0][-3:] == -1).all()
    assert sorted(set(units[0][:-3])) == [0, 1, 2]


def test_two_donors_are_too_few() -> None:
    found = design(cells("a b"), cells("c d e"))
    assert not found.testable
    assert found.too_few_donors == found.notes[-1]
    assert found.notes[-1].reason is Reason.FEW_DONORS
    assert "Only 2 donors in a condition: too few" in found.sentences[-1]
    assert design(cells("a b c"), cells("d e f")).too_few_donors is None


def test_without_donors_cells_are_dealt_to_groups() -> None:
    found = design(None, None, n_cells=(1000, 70))
    assert not found.replicated
    assert not found.testable
    assert found.n_units == (50, 50)
    units = unit_of_cells(found, (None, None), (1000, 70), 3)
    assert set(np.bincount(units[0])) == {20}
    np.testing.assert_array_equal(units[0], unit_of_cells(found, (None, None), (1000, 70), 3)[0])


def test_crossed_batches_enter_the_matrix_and_bound_the_exchange() -> None:
    who = cells("a b c d"), cells("e f g h")
    batch = np.repeat(["x", "x", "y", "y"], 30)
    found = design(*who, batches_source=batch, batches_target=batch)
    assert found.adjusted
    assert found.matrix().shape == (8, 3)
    ways = labellings(found, 1000, 0)
    assert ways.n_distinct == len(ways.labels) == 6 * 6 // 2
    for labels in ways.labels:
        assert labels[[0, 1, 4, 5]].sum() == 2


def test_a_donor_in_several_batches_gets_a_note() -> None:
    batch = np.repeat(["x", "x", "y", "y"], 30)
    mixed = batch.copy()
    mixed[:5] = "y"
    found = design(cells("a b c d"), cells("e f g h"), batches_source=mixed, batches_target=batch)
    assert any("'a'" in s and "x, y" in s for s in found.sentences)


@pytest.mark.parametrize(
    ("n_both", "n_donors", "paired"), [(3, 6, True), (2, 2, False), (3, 7, False), (4, 8, True)]
)
def test_donors_are_paired_by_default_when_three_and_half_of_all_are_in_both(
    n_both: int, n_donors: int, paired: bool
) -> None:
    assert paired_by_default(n_both, n_donors) is paired


def test_without_donors_the_numbers_of_cells_are_needed() -> None:
    with pytest.raises(ValueError, match="give n_cells"):
        design(None, None)
