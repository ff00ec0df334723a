"""Scatters of cells."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from cgmm.report.page.scatter import (
    HALF,
    HEIGHT,
    MAX_NAMES,
    WIDTH,
    Name,
    View,
    dot_size,
    draw_cells,
    ellipse,
    encode,
    place_names,
)

VIEW = View("PC", ("PC1", "PC2"), np.zeros((1, 2)), np.array([-1.0, -2.0]), np.array([1.0, 2.0]))


def test_panels_have_their_origin_in_the_upper_left_corner():
    corners = VIEW.place(np.array([[-1.0, 2.0], [1.0, -2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(corners, [[0, 0], [WIDTH, HEIGHT], [WIDTH / 2, HEIGHT / 2]])


def test_names_do_not_overlap_and_the_rest_is_counted():
    names = [Name(f"name {i}", i, 200.0, 200.0, float(i)) for i in range(12)]
    parts, left_out = place_names(names)
    assert len(parts) + left_out == 12
    heights = [float(re.search(r' y="([\d.]+)"', part)[1]) for part in parts]
    assert len(parts) > 1
    assert np.diff(sorted(heights)).min() >= 14
    assert 'data-s="11"' in parts[0]
    apart = [Name(str(i), i, 20.0 + 14 * i, 100.0, 1.0) for i in range(MAX_NAMES + 3)]
    assert place_names(apart)[1] >= 3


def test_dots_shrink_with_the_number_of_cells():
    assert dot_size(0) == dot_size(100) == 10.0
    assert dot_size(10**6) == 1.1
    assert dot_size(4000) == pytest.approx(5.0)


def test_a_drawing_survives_its_encoding():
    picture = draw_cells(np.array([[WIDTH / 2, HEIGHT / 2]]), ["#ff0000"], 400.0, 1.0)
    coded = encode(picture)
    found = Image.open(io.BytesIO(base64.b64decode(coded.partition(",")[2]))).convert("RGBA")
    assert found.size == picture.size
    red, green, _, alpha = found.getpixel((found.width // 2, found.height // 2))
    assert red > 200
    assert green < 60
    assert alpha > 200
    assert found.getpixel((2, 2))[3] == 0


def test_an_ellipse_holds_half_of_a_gaussian():
    cells = np.random.default_rng(0).normal(size=(20_000, 2))
    assert np.mean(np.hypot(*cells.T) < HALF) == pytest.approx(0.5, abs=0.02)
    drawn = ellipse(np.zeros(2), np.eye(2), VIEW, class_="x")
    assert f'rx="{HALF * WIDTH / 2:.2f}"' in drawn
    assert f'ry="{HALF * HEIGHT / 4:.2f}"' in drawn
