"""Every figure against a small picture of it.

Text is taken out before drawing, so that fonts and their versions do not count, and pictures are
compared after averaging blocks of pixels: what is measured is where the colour is. After a change
that was meant, run this file with ``CGMM_BASELINE=1`` to draw the pictures again, and look at them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

import cgmm as cg
from tests.pl.scenes import scene

BASELINE = Path(__file__).parent / "baseline"
DPI = 40
BLOCK = 4
TOLERANCE = 0.02  # root mean square over blocks, of the full range
FIGURES: dict[str, dict] = {
    "compare": {},
    "components": {},
    "donors": {},
    "embedding": {},
    "factors": {},
    "flow": {},
    "sensitivity": {},
    "shifts": {},
    "transfers": {},
}


@pytest.fixture(autouse=True)
def _default_style() -> Iterator[None]:
    with plt.rc_context(plt.rcParamsDefault | {"backend": "agg"}):
        yield


@pytest.fixture(scope="module")
def changed(couple: Callable) -> ad.AnnData:
    return scene(couple, net=-1.0, moved=16.0, split=0.6)


def picture(name: str, adata: ad.AnnData) -> np.ndarray:
    """Pixels of a figure without its text, (height, width, 3), 0 to 255."""
    made = getattr(cg.pl, name)(adata, **FIGURES[name])
    figure = made if isinstance(made, Figure) else made.figure
    figure.set_layout_engine("none")  # it would make room for the text
    for ax in figure.axes:
        ax.tick_params(which="both", labelleft=False, labelbottom=False, labeltop=False)
        ax.tick_params(which="both", labelright=False)
    for thing in figure.findobj(lambda a: isinstance(a, Legend)):
        thing.set_visible(False)
    for thing in figure.findobj(Text):
        if getattr(thing, "arrow_patch", None) is None:
            thing.set_visible(False)
    figure.set_dpi(DPI)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def blocks(pixels: np.ndarray) -> np.ndarray:
    """Means over blocks of pixels, 0 to 1."""
    h, w = (n // BLOCK * BLOCK for n in pixels.shape[:2])
    cut = pixels[:h, :w].astype(float) / 255
    return cut.reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK, 3).mean(axis=(1, 3))


def alike_in_size(a: np.ndarray, b: np.ndarray) -> bool:
    """Versions of matplotlib round the size of a figure in their own way."""
    return bool(np.abs(np.subtract(a.shape, b.shape)).max() <= 1)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    h, w = np.minimum(a.shape, b.shape)[:2]
    a, b = a[:h, :w], b[:h, :w]
    return float(np.sqrt(np.square(blocks(a) - blocks(b)).mean()))


@pytest.mark.parametrize("name", FIGURES)
def test_figures_look_as_they_did(drawn: ad.AnnData, name: str) -> None:
    got, path = picture(name, drawn), BASELINE / f"{name}.png"
    if os.environ.get("CGMM_BASELINE") == "1":
        Image.fromarray(got).quantize(48).save(path, optimize=True)
    expected = np.asarray(Image.open(path).convert("RGB"))
    assert alike_in_size(got, expected)
    assert apart(got, expected) < TOLERANCE


@pytest.mark.parametrize("name", FIGURES)
def test_a_change_of_the_numbers_is_seen(changed: ad.AnnData, name: str) -> None:
    """The tolerance is not so wide that another result would pass."""
    got = picture(name, changed)
    expected = np.asarray(Image.open(BASELINE / f"{name}.png").convert("RGB"))
    assert not alike_in_size(got, expected) or apart(got, expected) > TOLERANCE
