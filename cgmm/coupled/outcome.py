"""How a fit ended."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """How a fit ended; the value is the sentence for the user.

    ``CONVERGED``: a step raised the objective by less than the tolerance.  ``MAX_STEPS``: the
    largest number of passes over the points was reached.  ``ROUNDING``: a step would have lowered
    the objective by more than the tolerance and the rounding of sums over points.  This happens
    when costs are too large beside epsilon to solve the transport in double precision.
    """

    CONVERGED = "converged after {n_steps} EM steps (objective rose by less than {tol:g})"
    MAX_STEPS = (
        "not converged after {n_steps} EM steps: the objective still rises by more than {tol:g} "
        "per step; raise max_steps or tol"
    )
    ROUNDING = (
        "not converged after {n_steps} EM steps: rounding of costs that are large beside epsilon "
        "would lower the objective by {decrease:.2g}; raise epsilon or drop far components"
    )

    def sentence(self, *, n_steps: int, tol: float, decrease: float) -> str:
        """Return the sentence of the outcome, with its numbers.

        Parameters
        ----------
        n_steps
            Number of EM steps.
        tol
            Tolerance of the objective.
        decrease
            Decrease of the objective by the step that was not taken.

        Returns
        -------
        The ``status`` of a fit.
        """
        return self.value.format(n_steps=n_steps, tol=tol, decrease=decrease)
