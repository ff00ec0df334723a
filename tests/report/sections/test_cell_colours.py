"""Maps by donor, sample and the columns of the user."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cgmm.report.sections.cell_colours import colourings, too_many
from cgmm.results.read import read_results


def test_donors_samples_and_own_columns_colour_the_cells(made) -> None:
    results = read_results(made("paired")[0])
    found = {c.name: c for c in colourings(results)}
    assert list(found) == ["donor", "sample", "kind", "plate"]
    assert found["plate"].levels == ["plate 1", "plate 2", "plate 3"]
    np.testing.assert_array_equal(
        found["plate"].codes == 255, (results.cells["obs_plate"] == "").to_numpy()
    )
    levels = np.array(found["donor"].levels, dtype=object)
    assert list(levels[found["donor"].codes]) == results.cells["donor"].tolist()


def test_samples_of_donors_in_one_condition_are_no_colour_of_their_own(made) -> None:
    assert [c.name for c in colourings(read_results(made("donors")[0]))] == [
        *("donor", "kind", "plate")
    ]
    names = colourings(read_results(made("donors")[0]))[0].levels
    assert names == [f"donor{i}" for i in range(1, 11)]  # not 1, 10, 2


def test_samples_across_the_donors_colour_the_cells_though_there_are_as_many(made) -> None:
    results = read_results(made("donors")[0])
    donors = results.cells["donor"].to_numpy()
    rolled = dataclasses.replace(results, cells=results.cells.assign(sample=np.roll(donors, 1)))
    assert [c.name for c in colourings(rolled)][:2] == ["donor", "sample"]


def test_labels_that_are_populations_have_the_colours_of_these(made) -> None:
    results = read_results(made("donors")[0])
    cells = results.cells.assign(obs_mine=results.cells["population"])
    own = colourings(dataclasses.replace(results, cells=cells))[-1]
    colour = {p.name: p.colour for p in results.populations}
    assert own.colours == [colour[level] for level in own.levels]


def test_more_than_sixty_donors_are_no_colours_and_the_figure_says_so(made) -> None:
    results = read_results(made("donors")[0])
    assert too_many(results) == ""
    donors = [f"d{i % 61}" for i in range(len(results.cells))]
    many = dataclasses.replace(results, cells=results.cells.assign(donor=donors))
    assert "donor" not in [c.name for c in colourings(many)]
    assert too_many(many) == " There are more than 60 donors, too many for a colour each."


def test_without_labels_there_is_no_such_map(made) -> None:
    results = read_results(made("none")[0])
    bare = results.cells.drop(columns=["obs_kind", "obs_plate"])
    assert colourings(dataclasses.replace(results, cells=bare)) == []


@pytest.fixture
def drawn(made, open_page):
    """A page, and what its maps by label show."""
    page = open_page(made("paired")[1])

    def look() -> list[str]:
        page.wait_for_timeout(400)
        return page.locator("#fig-map-colours img").evaluate_all("all => all.map(i => i.src)")

    return page, look


def test_a_reader_chooses_the_colour_and_looks_at_one_label(drawn) -> None:
    page, look = drawn
    by_donor = look()
    page.select_option("#colour-by", label="plate")
    by_plate = look()
    assert all(a != b for a, b in zip(by_donor, by_plate, strict=True))
    assert page.inner_text("#coloured-by") == "plate"
    levels = page.locator("#colour-levels button")
    assert levels.count() == 3
    levels.nth(1).click()
    alone = look()
    assert all(a != b for a, b in zip(by_plate, alone, strict=True))
    assert levels.nth(1).get_attribute("aria-pressed") == "true"
    levels.nth(1).click()
    assert look() == by_plate
    assert page.faults == []
