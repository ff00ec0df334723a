"""Colours, labels and panels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from cgmm.pl._style import apart, called, colours, panels, percent, short, trend


def test_colours_are_all_different() -> None:
    assert len(set(colours(36))) == 36


def test_labels_are_moved_apart_but_not_away() -> None:
    _, ax = plt.subplots(figsize=(5, 5))
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    points = np.concatenate([np.full((4, 2), 50.0), [[20.0, 20.0], [21.0, 20.0], [80.0, 30.0]]])
    moved = apart(ax, points, size=8)
    unit = 100 / (72 * np.array(ax.get_window_extent().size) / ax.figure.dpi)
    gaps = np.linalg.norm((moved[:, None] - moved[None]) / unit, axis=-1)
    assert gaps[np.triu_indices(len(gaps), 1)].min() > 8
    assert np.linalg.norm((moved - points) / unit, axis=1).max() <= 16 + 1e-9
    far = np.array([[10.0, 10.0], [90.0, 90.0]])
    np.testing.assert_allclose(apart(ax, far, size=8), far)


def test_panels_fill_rows_and_hide_the_rest() -> None:
    figure, axes = panels(5, n_columns=3, width=1, height=1, sharex=True)
    assert len(axes) == 5
    assert [ax.get_visible() for ax in figure.axes] == [True] * 5 + [False]
    figure, axes = panels(2, n_columns=6, width=1, height=1)
    assert len(figure.axes) == len(axes) == 2


def test_names_are_cut_and_are_no_mathematics() -> None:
    assert short("a$b") == r"a\$b"
    assert short("x" * 40, 10) == "x" * 9 + "…"


def test_triangles_mark_what_is_significant() -> None:
    assert trend("T", called(1.0, 0.5, 1.5, 0.01)) == "T  ▲"
    assert trend("T", called(-1.0, -1.5, -0.5, 0.01)) == "T  ▼"
    for numbers in (
        (0.5, 1.5, 0.05),
        (0.5, 1.5, np.nan),
        (-0.1, 2.1, 0.01),
        (np.nan, np.nan, 0.01),
    ):
        assert trend("T", called(1.0, *numbers)) == "T"


def test_small_shares_have_two_digits() -> None:
    assert [percent(x) for x in (0.256, 0.0312, 0.0001)] == ["26", "3.1", "0"]
