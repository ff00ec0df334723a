"""What is reported about one population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.claims.states import Prevalence, Shift
from cgmm.tables import CELLS_ONLY


def _finite(*values: float) -> bool:
    return bool(np.isfinite(values).all())


@dataclass(frozen=True)
class Finding:
    """What is reported about one population."""

    index: int
    name: str
    prevalence: Prevalence
    log2_net: float
    ci_low: float
    ci_high: float
    q: float
    reason: str
    share_source: float
    share_target: float
    n_cells: float
    goes_to: str = ""
    goes_share: float = np.nan
    comes_from: str = ""
    comes_share: float = np.nan
    state: Shift = Shift.UNKNOWN
    shift_sd: float = np.nan
    genes: tuple[tuple[str, float], ...] = ()
    shift_low: float = np.nan
    shift_high: float = np.nan
    interval_from: str = ""
    settled: bool | None = None
    by_origin: float = np.nan  #: log2 factor by the assigned cells, where it disagrees
    donors_up: int | None = None
    donors_paired: int = 0
    prevalence_text: str = ""
    state_text: str = ""
    transfer_text: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether a 95 % interval over donors is known."""
        return self.interval_from != CELLS_ONLY and _finite(self.ci_low, self.ci_high)

    @property
    def has_shift_interval(self) -> bool:
        """Whether a 95 % interval of the distance over donors is known."""
        return self.interval_from != CELLS_ONLY and _finite(self.shift_low, self.shift_high)

    @property
    def moved(self) -> bool:
        """Whether a change of state is reported."""
        return self.state.is_change and self.prevalence is not Prevalence.GONE

    @property
    def gone_untested(self) -> bool:
        """Whether hardly any cell is left, and no test says that this is more than chance."""
        return self.prevalence is Prevalence.GONE and bool(np.isnan(self.q))

    @property
    def elsewhere(self) -> bool:
        """Whether its main counterpart has another name."""
        return bool(self.transfer_text) and self.goes_to != self.name

    @property
    def sentence(self) -> str:
        """The whole finding in one line."""
        parts = (self.prevalence_text, self.transfer_text, self.state_text)
        return ", ".join(p for p in parts if p)

    @property
    def changed(self) -> bool:
        """Whether anything is reported as changed."""
        return self.moved or self.prevalence.is_change
