r"""Two-condition data with known prevalence changes, state shifts and donor variation.

Both simulators have one model. Subpopulation :math:`k` has the share :math:`\pi_{ck}` in condition
:math:`c`, with :math:`\pi_{1k} \propto \pi_{0k} 2^{\mathrm{lfc}_k}`. Donor :math:`s` has its own
shares,

.. math:: \log \pi_{sk} = \log \pi_{ck} + \sigma_\pi z_{sk} + \text{const}, \quad z \sim N(0, 1),

so that the donor, not the cell, is the unit of replication. :func:`points` draws cells in a latent
space, :math:`x \sim N(\mu_{ck} + \text{donor} + \text{batch}, \Sigma_k)`; :func:`counts` draws
integer counts of named genes.

The truth is ``log2_net``: :math:`\log_2(\pi_{1k} / \pi_{0k})` *after* the shares of each condition
were scaled to sum to one. Shares are relative: when one subpopulation is asked to double, the
others have a small negative value. A subpopulation that is gone has ``-inf``, a new one ``+inf``.
"""

from __future__ import annotations

from cgmm.simulate._counts import counts
from cgmm.simulate._points import SimulatedPoints, points

__all__ = ["SimulatedPoints", "counts", "points"]
