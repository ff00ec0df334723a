"""States of a finding and levels of an alert."""

from __future__ import annotations

import pytest

from cgmm.report.claims.findings import shift_level
from cgmm.report.claims.states import Level, Prevalence, Shift
from cgmm.thresholds import STATE_LEVELS


@pytest.mark.parametrize("state", list(Prevalence))
def test_every_prevalence_has_words_and_a_direction(state):
    assert state.words
    assert state.brief in state.words
    assert state.direction in {"up", "down", "flat"}
    assert state.is_growth_or_loss == (state.direction != "flat")


def test_growth_and_loss_are_changes():
    assert all(state.is_change for state in Prevalence if state.is_growth_or_loss)
    assert [s for s in Prevalence if s.is_change and not s.is_growth_or_loss] == [
        Prevalence.GONE, Prevalence.NEW,
    ]  # fmt: skip


def test_states_are_their_classes_in_the_style_sheet():
    assert f"{Prevalence.SEEMS_MORE}" == "seems_more"
    assert f"{Level.NOTE}" == "info"


@pytest.mark.parametrize(("limit", "word"), STATE_LEVELS)
def test_a_shift_is_named_from_its_threshold_on(limit, word):
    assert shift_level(limit) == word
    assert shift_level(limit - 1e-9) != word
    assert shift_level(limit, low=0.0) is Shift.UNCLEAR
    assert shift_level(limit, low=0.1) == word


def test_a_shift_that_nobody_sees_is_not_unclear():
    assert shift_level(0.1, low=-1.0) is Shift.NONE
    assert shift_level(float("nan")) is Shift.UNKNOWN


def test_alerts_are_ordered_from_worst_to_mildest():
    assert sorted(Level, key=lambda level: level.rank) == [
        Level.PROBLEM, Level.WARNING, Level.NOTE,
    ]  # fmt: skip
    assert [level.badge for level in Level] == ["Problem", "Warning", "Note"]
