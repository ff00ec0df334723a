from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cgmm.donors.influence import leave_one_donor_out


@pytest.fixture
def shares() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two components; donor c falls in the first, the others rise; d is in the target only."""
    source = pd.DataFrame({0: [0.1, 0.1, 0.4], 1: [0.9, 0.9, 0.6]}, index=["a", "b", "c"])
    target = pd.DataFrame({0: [0.4, 0.4, 0.3, 0.5], 1: [0.6, 0.6, 0.7, 0.5]}, index=list("abcd"))
    return source, target


def test_a_factor_without_a_donor_is_the_ratio_of_the_other_means(shares: tuple) -> None:
    source, target = shares
    table = leave_one_donor_out(source, target)
    assert list(table["donor"]) == ["a", "b", "c", "d"] * 2
    first = table[table["component"] == 0].set_index("donor")
    np.testing.assert_allclose(first["log2_net"], np.log2(0.4 / 0.2))
    assert first["log2_net_without"]["c"] == pytest.approx(np.log2((1.3 / 3) / 0.1))
    assert first["log2_net_without"]["d"] == pytest.approx(np.log2((1.1 / 3) / 0.2))


def test_donors_that_point_the_other_way_disagree(shares: tuple) -> None:
    table = leave_one_donor_out(*shares)
    disagree = table[table["disagrees"]]
    assert list(zip(disagree["component"], disagree["donor"], strict=True)) == [(0, "c"), (1, "c")]


def test_a_component_without_a_finite_factor_has_no_rows(shares: tuple) -> None:
    source, target = shares
    source[0] = [0.0, 0.0, 0.4]  # without c nothing is left in the source
    table = leave_one_donor_out(source, target)
    assert set(table["component"]) == {1}
    assert leave_one_donor_out(source[[0]], target).empty


def test_importing_it_loads_no_model() -> None:
    """The report uses it and must stay light."""
    code = "import sys, cgmm.donors.influence; print('jax' in sys.modules, 'scanpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
