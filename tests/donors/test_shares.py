from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.shares import donor_shares, donor_weights


def test_donor_shares_are_means_and_weights_make_donors_equal() -> None:
    rng = np.random.default_rng(0)
    r = rng.dirichlet(np.ones(4), size=50)
    who = np.array(["b"] * 30 + ["a"] * 20)
    found = donor_shares(r, who)
    assert list(found.donors) == ["a", "b"]
    np.testing.assert_allclose(found.shares[0], r[30:].mean(0))
    np.testing.assert_allclose(found.shares.sum(1), 1)
    w = donor_weights(who)
    assert w.sum() == pytest.approx(1)
    np.testing.assert_allclose(w @ r, found.shares.mean(0))


def test_a_handful_of_cells_is_not_a_whole_donor() -> None:
    who = np.array(["a"] * 40 + ["b"] * 60 + ["c"] * 5)
    w = donor_weights(who)
    of = {name: w[who == name].sum() for name in "abc"}
    assert of["a"] == pytest.approx(of["b"])
    assert of["c"] == pytest.approx(of["a"] * 5 / 50)
    few = donor_weights(np.array(["a"] * 3 + ["b"] * 6))
    np.testing.assert_allclose(few, [1 / 6] * 3 + [1 / 12] * 6)
