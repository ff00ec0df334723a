"""What quality control removed is said where it can make a change of prevalence."""

from __future__ import annotations

import pytest

from cgmm.report import build
from cgmm.report.claims.claims import make_claims
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import change_report
from tests.report.pages import read

LOST = "Quality control removed more cells of one condition"
OF_LABELS = "Quality control changed the share of cell types"
OF_SAMPLE = "Quality control removed most cells of a sample"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("kept") / "a", k=4, n_cells=4000, flat=True)


def samples(*kept: tuple[str, int, int]) -> list[dict]:
    return [
        {"sample": f"{c}{i}", "condition": c, "n_cells_read": read, "n_cells_kept": n}
        for i, (c, read, n) in enumerate(kept)
    ]


def labels(**kept: tuple[int, int, int, int]) -> list[dict]:
    """Cells read and kept in the source, and in the target, by label."""
    return [
        {"label": name, "condition": c, "n_cells_read": read, "n_cells_kept": n}
        for name, (r0, k0, r1, k1) in kept.items()
        for c, read, n in (("ctrl", r0, k0), ("stim", r1, k1))
    ]


def alerts(folder, **facts) -> dict[str, str]:
    change_report(folder, **{"samples": [], "kept_by_label": [], **facts})
    return {a.title: a.text for a in make_claims(read_results(folder)).alerts}


def test_a_condition_that_loses_more_cells_is_named_with_every_sample(folder, tmp_path) -> None:
    found = alerts(
        folder,
        samples=samples(
            ("ctrl", 500, 480), ("ctrl", 500, 470), ("stim", 500, 300), ("stim", 1000, 700)
        ),
    )
    assert found == {
        LOST: "ctrl keeps 95% of its cells (ctrl1 94% and ctrl0 96%) and stim keeps 65% of its "
        "cells (stim2 60% and stim3 70%)."
    }
    said = read(build(folder, tmp_path / "a.html")).sections["alerts"]
    assert "stim keeps 65% of its cells" in said


@pytest.mark.parametrize(
    "kept",
    [
        (("ctrl", 500, 480), ("stim", 500, 450)),  # 6 points
        (("ctrl", 20, 18), ("stim", 20, 14)),  # too few cells to tell
        (("ctrl", 500, 410), ("stim", 500, 420)),  # a usual loss in both
        (("ctrl", 500, 410),),
        (("ctrl", 0, 0), ("stim", 500, 500)),
    ],
)
def test_losses_that_say_nothing_of_the_conditions(folder, kept) -> None:
    assert alerts(folder, samples=samples(*kept)) == {}


def test_a_large_loss_everywhere_is_told_once(folder) -> None:
    found = alerts(folder, samples=samples(("ctrl", 500, 300), ("stim", 1000, 600)))
    (title,) = found
    assert title == "Quality control removed 40% of the cells"
    assert "900 of 1\u202f500 were kept (ctrl0 60% and stim1 60%)" in found[title]
    found = alerts(folder, samples=samples(("ctrl", 500, 480), ("stim", 500, 300)))
    assert list(found) == [LOST]


def test_a_sample_that_loses_most_of_its_cells(folder) -> None:
    found = alerts(
        folder, samples=samples(("ctrl", 500, 200), ("ctrl", 500, 480), ("stim", 500, 400))
    )
    assert found[OF_SAMPLE] == "ctrl0 (40% kept)."


def test_a_cell_type_that_is_lost_in_one_condition(folder) -> None:
    found = alerts(
        folder,
        kept_by_label=labels(
            Mono=(400, 380, 400, 100), B=(400, 380, 400, 380), T=(400, 380, 400, 380)
        ),
    )
    # (100/400) / (860/1200) in stim, 1 in ctrl
    assert found[OF_LABELS] == (
        "The limits of quality control alone change the prevalence in stim relative to ctrl: "
        "Mono ×0.35 (kept: 95% of 400 in ctrl, 25% of 400 in stim)."
    )


@pytest.mark.parametrize(
    "kept",
    [
        {"A": (400, 200, 400, 210), "B": (400, 390, 400, 395)},  # lost alike in both
        {"A": (15, 14, 15, 1), "B": (900, 890, 900, 890)},  # few cells
        {"A": (400, 390, 400, 390)},  # nothing beside it
        {"A": (0, 0, 400, 10), "B": (900, 890, 900, 890)},  # not in the source
    ],
)
def test_labels_whose_share_stays(folder, kept) -> None:
    assert alerts(folder, kept_by_label=labels(**kept)) == {}


def test_blocks_that_are_not_what_they_should_be_say_nothing(folder) -> None:
    assert alerts(folder, samples="no list", kept_by_label=[3, {"label": "A"}]) == {}
