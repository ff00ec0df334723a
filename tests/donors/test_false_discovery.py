from __future__ import annotations

import numpy as np
import scipy.stats

from cgmm.donors.false_discovery import benjamini_hochberg


def test_missing_p_stay_missing_and_are_no_tests() -> None:
    p = np.array([0.01, np.nan, 0.03, 0.5])
    found = benjamini_hochberg(p)
    assert np.isnan(found[1])
    expected = scipy.stats.false_discovery_control(p[[0, 2, 3]])
    np.testing.assert_allclose(found[[0, 2, 3]], expected)
    assert np.isnan(benjamini_hochberg(np.full(2, np.nan))).all()
