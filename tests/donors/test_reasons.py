from __future__ import annotations

from string import Formatter

import pytest

from cgmm.donors.reasons import Reason, in_words, n_donors_in_words


def test_a_note_says_the_sentence_of_its_reason_with_its_values() -> None:
    note = Reason.FEW_CELLS_TOGETHER.note(n_cells=5, least=20)
    assert str(note) == "5 cells in both conditions together; an interval needs at least 20."


def test_braces_in_a_name_are_no_fields() -> None:
    note = Reason.WITHOUT_PARTNER.note(donors="Donor {0} is", side="source")
    assert str(note).startswith("Donor {0} is in the source only")


@pytest.mark.parametrize("reason", list(Reason))
def test_every_sentence_can_be_filled_in(reason: Reason) -> None:
    fields = [name for _, name, _, _ in Formatter().parse(reason.value) if name]
    text = str(reason.note(**dict.fromkeys(fields, 7)))
    assert "{" not in text
    assert text.count("7") >= len(fields)


def test_a_field_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        str(Reason.FEW_CELLS_TOGETHER.note(least=20))


def test_missing_notes_have_no_words() -> None:
    assert in_words([None, Reason.ASKED_FOR.note()]) == ["", "asked for"]


def test_one_donor_is_singular() -> None:
    assert [n_donors_in_words(n) for n in (0, 1, 2)] == ["0 donors", "1 donor", "2 donors"]
