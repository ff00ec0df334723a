"""How a fit ended."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """How a fit ended; the value is the sentence that the user reads.

    ``CONVERGED``: a step changed the objective by less than the tolerance.  ``MAX_STEPS``: the
    number of steps was used up.  ``ROUNDING``: a step would have lowered the objective by more than
    the rounding of sums over points, because costs are so large beside epsilon that the transport
    cannot be solved in double precision.
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
        """Sentence with its numbers.

        Parameters
        ----------
        n_steps
            Number of EM steps.
        tol
            Tolerance of the objective.
        decrease
            How much lower the objective would be after the step that was not taken.

        Returns
        -------
        The ``status`` of a fit.
        """
        return self.value.format(n_steps=n_steps, tol=tol, decrease=decrease)
