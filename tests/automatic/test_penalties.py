from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.penalties import EPSILON, RHO, TRANSPORT_WEIGHT, Penalties, choose_penalties


def test_penalties_that_are_not_given_have_a_reason() -> None:
    penalties, reasons = choose_penalties(None, None, None)
    assert penalties == Penalties(RHO, EPSILON, TRANSPORT_WEIGHT)
    assert list(reasons) == ["rho", "epsilon", "transport_weight"]
    assert reasons["rho"].startswith("0.3 nats: ")
    assert reasons["transport_weight"].startswith("0.01: ")


def test_penalties_that_are_given_have_none() -> None:
    penalties, reasons = choose_penalties(np.inf, 0.5, 0.0)
    assert penalties == (np.inf, 0.5, 0.0)
    assert reasons == {}


@pytest.mark.parametrize("wrong", [(0.0, None, None), (None, np.inf, None), (None, None, -1.0)])
def test_penalties_out_of_range_are_refused(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="must be"):
        choose_penalties(*wrong)
