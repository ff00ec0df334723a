"""Every figure against a small picture of it.

Text is taken out before drawing, so that fonts and their versions do not count, and pictures are
compared after averaging blocks of pixels: what is measured is where the colour is. After a change
that was meant, run this file with ``CGMM_BASELINE=1`` to draw the pictures again, and look at them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from cgmm.automatic.sensitivity import along_rho

BASELINE = Path(__file__).parent / "baseline"
DPI = 40
BLOCK = 4
TOLERANCE = 0.02  # root mean square over blocks, of the full range
CALL = {"condition_key": "condition", "source": "source", "target": "target"}
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


def scene(couple: Callable, *, net: float, moved: float, split: float) -> ad.AnnData:
    """Five types with known mixtures, nothing fitted.

    Beta changes by ``net``, Alpha moves by ``moved``, a part ``split`` of it to Beta; Epsilon is
    new.
    """
    drawn = cg.simulate.points(
        n_components=5,
        shares=[0.25, 0.2, 0.3, 0.15, 0.1],
        log2_change=[0.0, net, -0.5, 0.5, 0.0],
        separation=20,
        shift=[moved, 1.0, 2.0, 0.5, 0.0],
        n_cells=800,
        random_state=4,
    )
    truth = drawn.truth
    keep = ~((drawn.condition == "source") & (drawn.component == 4))
    sides = [
        cg.GaussianMixture(
            truth[f"shares_{s}"][:n] / truth[f"shares_{s}"][:n].sum(),
            truth[f"{s}_means"][:n],
            truth["covariances"][:n],
        )
        for s, n in (("source", 4), ("target", 5))
    ]
    fit = couple(*sides)
    # a coupling that is not one to one, for ribbons that cross
    coupling = np.array(fit.coupling)
    coupling[0, 1] += split * coupling[0, 0]
    coupling[0, 0] *= 1 - split
    coupling[:, 4] = 0.0
    known = fit.parameters | {"epsilon": 1.0}
    crossed = replace(fit, costs=fit.costs / 100, coupling=coupling, parameters=known)
    rows = [choice.to_row() for choice in along_rho(crossed)]
    rows += [
        {**rows[0], "parameter": "partition", "value": f"resolution {i}", "main_target": None}
        for i in (1, 2)
    ]
    adata = drawn.to_anndata()[keep].copy()
    adata.obsm["X_umap"] = np.array(adata.obsm["X_pca"][:, :2])
    one = replace(fit, coupling=coupling, sensitivity=rows)
    for key in ("cgmm", "cgmm_target"):
        cg.tl.annotate(adata, one, **CALL, donor_key="donor", name_by="cell_type", key_added=key)
    return adata


@pytest.fixture(scope="module")
def drawn(couple: Callable) -> ad.AnnData:
    return scene(couple, net=1.0, moved=3.0, split=0.3)


@pytest.fixture(scope="module")
def changed(couple: Callable) -> ad.AnnData:
    return scene(couple, net=-1.0, moved=16.0, split=0.6)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    with plt.rc_context(plt.rcParamsDefault | {"backend": "agg"}):
        yield
    plt.close("all")


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
