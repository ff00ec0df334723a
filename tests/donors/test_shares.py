from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.shares import donor_shares, donor_weights


def test_donor_shares_are_means_and_weights_make_donors_equal() -> None:
    rng = np.random.default_rng(0)
    r = rng.dirichlet(np.ones(4), size=50)
    who = np.array(["b"] * 40 + ["a"] * 10)
    found = donor_shares(r, who)
    assert list(found.donors) == ["a", "b"]
    np.testing.assert_allclose(found.shares[0], r[40:].mean(0))
    np.testing.assert_allclose(found.shares.sum(1), 1)
    w = donor_weights(who)
    assert w.sum() == pytest.approx(1)
    np.testing.assert_allclose(w @ r, found.shares.mean(0))
