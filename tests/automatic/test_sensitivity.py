from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.sensitivity import Choice, along_rho, settled


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


def test_settled_means_within_twofold_of_every_choice():
    rows = [{"log2_net": [0.0, 0.2, -9.0]}, {"log2_net": [0.9, 1.5, -4.0]}]
    reference = np.array([0.1, 0.3, -np.inf])
    assert list(settled(reference, rows)) == [True, False, True]
    assert settled(reference, []).all()


def test_the_row_of_a_choice_has_only_what_was_found() -> None:
    rho = Choice("rho", "0.5", [0.0], 0.9, main_target=[1])
    assert rho.to_row() == {
        "parameter": "rho",
        "value": "0.5",
        "log2_net": [0.0],
        "main_target": [1],
        "F": 0.9,
    }
    partition = Choice("partition", "resolution 1", [0.0], 0.9, n_components=[1, 2])
    assert list(partition.to_row()) == ["parameter", "value", "log2_net", "F", "n_components"]


def test_a_higher_price_of_reweighting_keeps_more_mass(fit: cg.CoupledFit) -> None:
    choices = along_rho(fit, grid=(0.1, 1.0, 10.0))
    assert [choice.value for choice in choices] == ["0.1", "1", "10"]
    mass = [choice.transported_mass for choice in choices]
    assert mass == sorted(mass)
