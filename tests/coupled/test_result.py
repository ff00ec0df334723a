"""Results of a fit: readings of the coupling, and the stored parts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.result import ARRAY_NAMES, FACTS, OF_CELLS
from tests.coupled.problems import fit, pair


@pytest.fixture(scope="module")
def result() -> cg.CoupledFit:
    x, y, *_ = pair(k=2, n=100)
    return fit(x, y, n_components=(2, 3), max_steps=2)


def test_worked_example_of_the_factors(result):
    """The tutorial's reading of a coupling: 1.6 = leaves with 2, enters with 0.8."""
    two = cg.GaussianMixture(np.ones(2) / 2, result.source.means, result.source.covariances)
    known = dataclasses.replace(
        result,
        source=two.with_weights([0.2, 0.8]),
        target=two.with_weights([0.4, 0.6]),
        coupling=0.5 * np.array([[0.3, 0.1], [0.2, 0.4]]),
    )
    np.testing.assert_allclose(known.normalised_coupling.sum(), 1)
    assert known.out_factors[0] == pytest.approx(2.0)
    assert known.in_factors[0] == pytest.approx(0.8)
    assert known.net_factors[0, 0] == pytest.approx(1.6)


def test_arrays_and_facts_put_the_same_fit_together(result):
    voted = dataclasses.replace(result, votes=result.origin, metric=2 * np.eye(4))
    arrays, facts = voted.to_arrays(), voted.to_facts()
    assert set(arrays) == set(ARRAY_NAMES) - {"populations_elsewhere", *OF_CELLS}
    assert tuple(facts) == FACTS
    again = cg.CoupledFit.from_arrays(arrays | {"other": np.zeros(1)}, facts | {"F": 0.5})
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    assert again.to_facts() == facts
    assert again.log2_net_cells is None


def test_every_field_is_an_array_or_a_fact(result):
    fields = {field.name for field in dataclasses.fields(result)}
    stored = {n for n in ARRAY_NAMES if not n.startswith(("source_", "target_"))} | set(FACTS)
    assert fields == stored | {"source", "target"}


def test_a_missing_part_is_an_error(result):
    arrays = result.to_arrays()
    del arrays["costs"]
    with pytest.raises(KeyError, match="costs"):
        cg.CoupledFit.from_arrays(arrays, result.to_facts())


def test_origin_follows_from_the_coupling_unless_cells_were_counted(result):
    np.testing.assert_allclose(result.origin.sum(0), 1)
    votes = np.full((2, 3), 0.5)
    np.testing.assert_array_equal(dataclasses.replace(result, votes=votes).origin, votes)
    net = result.origin @ result.shares_target / result.shares_source
    np.testing.assert_allclose(result.log2_net, np.log2(net))


def test_mixtures_are_weighted_by_shares_for_prevalence(result):
    np.testing.assert_allclose(result.prevalence_target.weights, result.shares_target)
    np.testing.assert_array_equal(result.prevalence_source.means, result.source.means)
    assert "2 source and 3 target" in repr(result)


def test_points_to_carry_must_have_the_columns_of_the_fit(result):
    with pytest.raises(ValueError, match="points has 3 columns, but the mixture has 4 dimensions"):
        result.transport(np.zeros((5, 3)))
