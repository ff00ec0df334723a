r"""Two-condition data with known prevalence changes, state shifts and donor variation.

The model of both simulators: subpopulation :math:`k` has the share :math:`\pi_{ck}` in condition
:math:`c`, with :math:`\pi_{1k} \propto \pi_{0k} 2^{\mathrm{lfc}_k}`. Donor :math:`s` has its own
shares,

.. math:: \log \pi_{sk} = \log \pi_{ck} + \sigma_\pi z_{sk} + \text{const}, \quad z \sim N(0, 1),

so that the donor, not the cell, is the unit of replication. :func:`points` draws cells in a latent
space, :math:`x \sim N(\mu_{ck} + \text{donor} + \text{batch}, \Sigma_k)`; :func:`counts` draws
integer counts of named genes.

The truth is ``log2_net``: :math:`\log_2(\pi_{1k} / \pi_{0k})` *after* the shares of each condition
were made to sum to one. Asking for one subpopulation to double therefore gives the others a small
negative value: shares are relative. A subpopulation that is gone has ``-inf``, one that is new
``+inf``.
"""

from __future__ import annotations

from cgmm.simulate._counts import counts
from cgmm.simulate._points import SimulatedPoints, points

__all__ = ["SimulatedPoints", "counts", "points"]
