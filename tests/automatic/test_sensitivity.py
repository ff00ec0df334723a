"""What other choices would give: table and figure."""

from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg


@pytest.fixture(scope="module")
def fitted():
    drawn = cg.simulate.points(log2_change=[1.0, 0.0, -1.0, 0.0], n_cells=600, random_state=3)
    adata = drawn.to_anndata()
    cg.tl.fit(adata, condition_key="condition", source="source", target="target")
    return adata


def test_every_component_has_every_choice(fitted):
    table, factors = cg.get.sensitivity(fitted), cg.get.factors(fitted)
    assert set(table["parameter"]) == {"rho", "partition"}
    assert (table.groupby(["parameter", "value"]).size() == len(factors)).all()
    np.testing.assert_allclose(
        table["log2_net"] - table["difference"],
        factors.set_index("component")["log2_net"][table["component"]],
    )
    worst = table.groupby("component")["difference"].apply(lambda d: d.abs().max())
    assert (factors["settled"].to_numpy() == (worst <= 1).to_numpy()).all()


def test_the_figure_has_a_panel_for_each_component(fitted):
    figure = cg.pl.sensitivity(fitted)
    figure.canvas.draw()
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == len(cg.get.factors(fitted))


def test_a_fit_by_hand_has_no_alternatives(fitted):
    x = np.asarray(fitted.obsm["X_pca"])
    source = (fitted.obs["condition"] == "source").to_numpy()
    fit = cg.fit_coupled(x[source], x[~source], n_components=4)
    other = fitted.copy()
    call = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(other, fit, **call, key_added="hand")
    assert cg.get.sensitivity(other, key="hand").empty
    assert cg.get.factors(other, key="hand")["settled"].all()
    with pytest.raises(ValueError, match="no alternatives"):
        cg.pl.sensitivity(other, key="hand")
