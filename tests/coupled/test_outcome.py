"""Outcomes of a fit are sentences with numbers."""

from __future__ import annotations

import pytest

from cgmm.coupled.outcome import Outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_sentence_with_its_number_of_steps(outcome):
    sentence = outcome.sentence(n_steps=7, tol=1e-6, decrease=0.25)
    assert "7 EM steps" in sentence
    assert "{" not in sentence
    assert sentence.startswith("converged") == (outcome is Outcome.CONVERGED)


def test_the_sentence_about_rounding_says_by_how_much_the_objective_would_fall():
    assert "by 0.25;" in Outcome.ROUNDING.sentence(n_steps=1, tol=0.0, decrease=0.25)
