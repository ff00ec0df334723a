from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.confounding import allow_for_batches, note_batches_of_pairs, note_covariate
from cgmm.donors.design import design
from cgmm.donors.reasons import Note, Reason


def cells(names: str, n: int = 30) -> np.ndarray:
    """Each donor of a space-separated list with as many cells."""
    return np.repeat(names.split(), n).astype(object)


def test_a_batch_that_is_the_condition_is_refused() -> None:
    who = cells("a b c"), cells("d e f")
    with pytest.raises(ValueError, match="lane is the same as the condition"):
        design(
            *who,
            batches_source=np.full(90, "one"),
            batches_target=np.full(90, "two"),
            batch_name="lane",
        )


def test_only_a_covariate_that_is_the_condition_gets_a_note() -> None:
    who = cells("a b c"), cells("d e f")
    same = np.full(90, "female"), np.full(90, "male")
    mixed = np.repeat(["f", "m", "f"], 30), np.repeat(["m", "f", "f"], 30)
    found = design(*who, covariates={"sex": same, "age": mixed})
    assert len(found.sentences) == 1
    assert "may be sex" in found.sentences[0]


def reasons(notes: list[Note]) -> list[Reason]:
    return [note.reason for note in notes]


def test_batches_with_both_conditions_enter_the_model() -> None:
    notes: list[Note] = []
    assert allow_for_batches(list("xxyy"), list("xyyy"), "lane", notes)
    assert notes == []


def test_one_batch_is_no_batch() -> None:
    notes: list[Note] = []
    assert not allow_for_batches(list("xxx"), list("xxx"), "lane", notes)
    assert notes == []


def test_a_batch_of_one_condition_gets_a_note() -> None:
    notes: list[Note] = []
    assert allow_for_batches(list("xxz"), list("xxx"), "lane", notes)
    assert str(notes[0]).startswith("Lane 'z' has donors of the source only")


def test_batches_are_left_out_when_donors_are_too_few() -> None:
    notes: list[Note] = []
    assert not allow_for_batches(list("xy"), list("xy"), "lane", notes)
    assert reasons(notes) == [Reason.FEW_FOR_BATCHES]


@pytest.mark.parametrize(
    ("source", "target", "noted"), [("xx", "yy", True), ("xx", "xy", False), ("xy", "yx", False)]
)
def test_pairs_that_all_change_to_other_batches_get_a_note(
    source: str, target: str, noted: bool
) -> None:
    notes: list[Note] = []
    note_batches_of_pairs(list(source), list(target), "lane", notes)
    assert (reasons(notes) == [Reason.BATCH_CHANGES]) == noted


def test_a_covariate_of_many_values_is_not_looked_at() -> None:
    notes: list[Note] = []
    note_covariate("age", np.arange(4), np.arange(4, 8), notes)
    assert notes == []
    note_covariate("age", np.arange(3), np.arange(4, 7), notes)
    assert reasons(notes) == [Reason.COVARIATE_CHANGES]
