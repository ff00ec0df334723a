from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.permutation import labellings


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
    assert any("Donor x is in the source only" in s for s in found.sentences)
    assert np.linalg.matrix_rank(found.matrix()) == found.matrix().shape[1] == 4


def test_a_donor_in_both_arms_of_an_unpaired_design_is_said() -> None:
    found = design(cells("a b c d e"), cells("a f g h i"))
    assert not found.paired
    assert any("Donor a is in both conditions" in s for s in found.sentences)
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
    assert "too few" in found.sentences[-1]


def test_without_donors_cells_are_dealt_to_groups() -> None:
    found = design(None, None, n_cells=(1000, 70))
    assert not found.replicated
    assert not found.testable
    assert found.n_units == (50, 50)
    units = unit_of_cells(found, (None, None), (1000, 70), 3)
    assert set(np.bincount(units[0])) == {20}
    np.testing.assert_array_equal(units[0], unit_of_cells(found, (None, None), (1000, 70), 3)[0])


def test_a_batch_that_is_the_condition_is_refused() -> None:
    who = cells("a b c"), cells("d e f")
    with pytest.raises(ValueError, match="lane is the same as the condition"):
        design(
            *who,
            batches_source=np.full(90, "one"),
            batches_target=np.full(90, "two"),
            batch_name="lane",
        )


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


def test_a_batch_within_one_donor_is_said() -> None:
    batch = np.repeat(["x", "x", "y", "y"], 30)
    mixed = batch.copy()
    mixed[:5] = "y"
    found = design(cells("a b c d"), cells("e f g h"), batches_source=mixed, batches_target=batch)
    assert any("'a'" in s and "x, y" in s for s in found.sentences)


def test_a_covariate_that_is_the_condition_is_said_and_one_that_is_not_is_not() -> None:
    who = cells("a b c"), cells("d e f")
    same = np.full(90, "female"), np.full(90, "male")
    mixed = np.repeat(["f", "m", "f"], 30), np.repeat(["m", "f", "f"], 30)
    found = design(*who, covariates={"sex": same, "age": mixed})
    assert len(found.sentences) == 1
    assert "may be sex" in found.sentences[0]


@pytest.mark.parametrize(
    ("n0", "n1", "distinct"), [(3, 3, 10), (4, 4, 35), (5, 5, 126), (3, 4, 35)]
)
def test_few_exchanges_are_all_made(n0: int, n1: int, distinct: int) -> None:
    names = [f"d{i}" for i in range(n0 + n1)]
    found = design(cells(" ".join(names[:n0])), cells(" ".join(names[n0:])))
    ways = labellings(found, 500, 0)
    assert ways.complete
    assert ways.n_distinct == len(ways.labels) == distinct
    assert ways.smallest_p == pytest.approx(1 / distinct)
    assert len({row.tobytes() for row in ways.labels}) == distinct
    np.testing.assert_array_equal(ways.labels[0], [0] * n0 + [1] * n1)


def test_pairs_change_within_the_donor_only() -> None:
    found = design(cells("a b c d"), cells("a b c d"))
    ways = labellings(found, 500, 0)
    assert ways.n_distinct == len(ways.labels) == 8
    assert (ways.labels[:, :4] + ways.labels[:, 4:] == 1).all()


def test_many_exchanges_are_drawn_and_repeatable() -> None:
    names = [f"d{i}" for i in range(20)]
    found = design(cells(" ".join(names[:10])), cells(" ".join(names[10:])))
    ways = labellings(found, 60, 5)
    assert not ways.complete
    assert len(ways.labels) == 61
    assert ways.n_distinct == 184_756 // 2
    np.testing.assert_array_equal(ways.labels, labellings(found, 60, 5).labels)
    assert (ways.labels.sum(axis=1) == 10).all()
