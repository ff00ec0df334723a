r"""Two-condition data with known prevalence changes, state shifts and donor variation.

Both simulators have the same model. Subpopulation :math:`k` has the share :math:`\pi_{ck}` in
condition :math:`c`, with :math:`\pi_{1k} \propto \pi_{0k} 2^{\mathrm{lfc}_k}`, where
:math:`\mathrm{lfc}_k` is the requested log2 change. Donor :math:`s` has the shares

.. math:: \log \pi_{sk} = \log \pi_{ck} + \sigma_\pi z_{sk} + \text{const}, \quad z \sim N(0, 1),

so the donor, not the cell, is the unit of replication. :func:`points` draws cells in a latent
space, :math:`x \sim N(\mu_{ck} + \text{donor} + \text{batch}, \Sigma_k)`; :func:`counts` draws
integer counts of named genes.

The true factor is ``log2_net``: :math:`\log_2(\pi_{1k} / \pi_{0k})` *after* the shares of each
condition are scaled to sum to one. Shares are relative: when one subpopulation has a requested
change of +1, the others have a small negative value. A subpopulation that is gone has ``-inf``, and
a new subpopulation has ``+inf``.
"""

from cgmm.simulate._counts import counts
from cgmm.simulate._points import SimulatedPoints, points

__all__ = ["SimulatedPoints", "counts", "points"]
