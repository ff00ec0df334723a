"""Factors without one donor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgmm.donors.design import Design, Unit, design
from cgmm.donors.formula import model
from cgmm.donors.influence import leave_one_donor_out
from cgmm.donors.labelled import labelled_factors
from cgmm.donors.linear import Observations, linear_factors


def plan_of(n: tuple[int, int], *, paired: bool = False) -> Design:
    names = [
        np.repeat([f"d{i}" if paired else f"{side}{i}" for i in range(m)], 100)
        for side, m in enumerate(n)
    ]
    return design(*names, paired=paired)


def counts_of(shares: list[float]) -> np.ndarray:
    return np.array([[round(1000 * s), 1000 - round(1000 * s)] for s in shares])


@pytest.mark.parametrize("paired", [False, True])
def test_the_factor_without_a_donor_is_the_factor_of_the_others(paired: bool) -> None:
    plan = plan_of((4, 4), paired=paired)
    counts = counts_of([0.1, 0.12, 0.11, 0.09, 0.2, 0.25, 0.18, 0.9])
    found = leave_one_donor_out(counts, plan)
    donor = "d3" if paired else "13"
    kept = np.array([str(unit.donor) != donor for unit in plan.units])
    rest = plan._replace(units=tuple(u for u, k in zip(plan.units, kept, strict=True) if k))
    wanted = labelled_factors(counts[kept], rest).log2_net
    own = found.loc[found["donor"] == donor].set_index("population")["log2_net_without"]
    np.testing.assert_allclose(own, wanted)
    assert own[0] < labelled_factors(counts, plan).log2_net[0]


def test_a_donor_that_goes_the_other_way_disagrees() -> None:
    plan = plan_of((3, 3), paired=True)
    found = leave_one_donor_out(counts_of([0.1, 0.1, 0.1, 0.3, 0.3, 0.05]), plan)
    first = found.loc[found["population"] == 0].set_index("donor")["disagrees"]
    assert first.to_dict() == {"d0": False, "d1": False, "d2": True}


def test_nothing_can_be_left_out_of_one_donor_or_of_none() -> None:
    assert leave_one_donor_out(counts_of([0.1, 0.2, 0.3]), plan_of((1, 2))).empty
    nobody = Design(
        (Unit(0, "all", 9, ""), Unit(1, "all", 9, "")),
        paired=False,
        adjusted=False,
        replicated=False,
        notes=(),
    )
    assert leave_one_donor_out(counts_of([0.1, 0.2]), nobody).empty


@pytest.mark.parametrize("paired", [False, True])
def test_under_a_formula_the_others_are_estimated_with_it(paired: bool) -> None:
    plan = plan_of((5, 5), paired=paired)
    rng = np.random.default_rng(1)
    counts = rng.integers(50, 200, (10, 3)).astype(float)
    donors = [str(unit.donor) for unit in plan.units]

    def seen_by(kept: np.ndarray, formula: str) -> tuple[Observations, object]:
        units = tuple(u for u, k in zip(plan.units, kept, strict=True) if k)
        table = pd.DataFrame(
            {
                "condition": ["ab"[unit.side] for unit in units],
                "age": [float(int(unit.donor[1:]) ** 2 + unit.side) for unit in units],
            }
        )
        made = model(
            formula,
            table,
            condition="condition",
            source="a",
            target="b",
            pairs=np.array([u.donor for u in units]) if paired else None,
        )
        rest = plan._replace(units=units)
        return Observations(counts[kept], made.matrix, np.arange(len(units)), rest), made

    everyone = np.ones(10, dtype=bool)
    formula = "~ condition" if paired else "~ condition + age"
    seen, made = seen_by(everyone, formula)
    found = leave_one_donor_out(counts, plan, formula=(seen, made.contrasts[0]))
    without = np.array([name != donors[2] for name in donors])
    part, of_part = seen_by(without, formula)
    wanted = linear_factors(part, of_part.contrasts[0])[0].log2_net
    own = found.loc[found["donor"] == donors[2]].set_index("population")["log2_net_without"]
    np.testing.assert_allclose(own, wanted)
    plain = leave_one_donor_out(counts, plan)
    same = np.allclose(found["log2_net_without"], plain["log2_net_without"])
    assert same == paired  # pairs alone are what there is without a formula


def test_a_formula_that_needs_a_donor_has_no_factor_without_it() -> None:
    plan = plan_of((3, 3))
    table = pd.DataFrame({"condition": list("aaabbb"), "site": ["x", "x", "y", "x", "x", "x"]})
    made = model("~ condition + site", table, condition="condition", source="a", target="b")
    counts = counts_of([0.1, 0.2, 0.15, 0.3, 0.2, 0.25]).astype(float)
    seen = Observations(counts, made.matrix, np.arange(6), plan)
    found = leave_one_donor_out(counts, plan, formula=(seen, made.contrasts[0]))
    assert np.isfinite(found["log2_net_without"]).all()  # site y goes, and with it its effect
