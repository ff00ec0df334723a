"""Penalties of the fit without tuning: the default of each penalty, and its reason."""

from __future__ import annotations

from typing import NamedTuple

from cgmm._utils.arguments import check_number

RHO = 0.3
EPSILON = 1.0
TRANSPORT_WEIGHT = 0.01


class Penalties(NamedTuple):
    """Penalties of the coupled fit; ``rho`` and ``epsilon`` in nats (:mod:`cgmm.automatic.metric`).

    Attributes
    ----------
    rho
        Price of a change of prevalence.
    epsilon
        Entropy of the coupling.
    transport_weight
        ``lambda``, weight of the transport term in the objective.
    """

    rho: float
    epsilon: float
    transport_weight: float


def choose_penalties(
    rho: float | None, epsilon: float | None, transport_weight: float | None
) -> tuple[Penalties, dict[str, str]]:
    """Return the penalties, and the reason for each default that was taken.

    Parameters
    ----------
    rho, epsilon, transport_weight
        Penalties; None: the default.

    Raises
    ------
    TypeError, ValueError
        When a penalty is not a number or out of range.
    """
    reasons = {}
    if rho is None:
        reasons["rho"] = (
            f"{RHO:g} nats: a change of prevalence is cheap against a movement "
            "that the metric does not expect"
        )
    if epsilon is None:
        reasons["epsilon"] = (
            f"{EPSILON:g} nat: with it the coupling is the posterior probability of each match"
        )
    if transport_weight is None:
        reasons["transport_weight"] = (
            f"{TRANSPORT_WEIGHT:g}: enough to keep "
            "matched components together, too little to move what the data determine"
        )
    penalties = Penalties(
        check_number("rho", rho, RHO, above_zero=True, finite=False),
        check_number("epsilon", epsilon, EPSILON, above_zero=True, finite=True),
        check_number(
            "transport_weight", transport_weight, TRANSPORT_WEIGHT, above_zero=False, finite=True
        ),
    )
    return penalties, reasons
