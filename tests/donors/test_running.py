from __future__ import annotations

import numpy as np

from cgmm.donors.running import run_all


def test_refits_keep_the_order_of_their_weights_with_any_number_of_threads() -> None:
    pairs = [(np.array([float(i)]), np.array([0.0])) for i in range(9)]
    seen = []
    for n_jobs in (1, 3):
        refits = run_all(
            lambda pair: pair[0][0],  # type: ignore[arg-type, return-value]
            pairs,
            n_jobs=n_jobs,
            tick=lambda: seen.append(1),
        )
        assert refits == list(range(9))
    assert len(seen) == 18
