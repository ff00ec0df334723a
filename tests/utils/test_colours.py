"""Colours of subpopulations and of values."""

from __future__ import annotations

import re

from cgmm._utils.colours import BASE, diverging, mix, population_colours


def test_every_subpopulation_has_its_own_colour() -> None:
    colours = population_colours(36)
    assert colours[: len(BASE)] == list(BASE)
    assert len(set(colours)) == 36
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_a_diverging_colour_saturates_at_its_limit() -> None:
    assert diverging(2, 1) == diverging(1, 1) != diverging(0.5, 1)
    assert diverging(-1, 1) != diverging(1, 1)
    assert diverging(0, 1) == diverging(3, 0)


def test_a_mixture_of_colours_lies_between_them() -> None:
    assert mix((0, 0, 0), (255, 255, 255), 0) == "#000000"
    assert mix((0, 0, 0), (255, 255, 255), 1) == "#ffffff"
