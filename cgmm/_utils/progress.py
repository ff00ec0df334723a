"""How far a long computation is, as lines of the logger ``cgmm.progress``.

Nothing is shown unless the level of the logger is INFO: the workflow shows the lines on the console
and in the log of the job, and in a notebook ``logging.basicConfig(); logging.getLogger(
"cgmm.progress").setLevel("INFO")`` shows them.
"""

from __future__ import annotations

import logging

LOGGER = "cgmm.progress"


class Steps:
    """Counts the steps of a computation and logs each when it begins.

    Parameters
    ----------
    total
        Number of steps.
    first
        The first step, which begins now.
    """

    def __init__(self, total: int, first: str) -> None:
        self.total, self.done = total, 0
        self.begin(first)

    def begin(self, words: str) -> None:
        """Log that the next step begins."""
        self.done += 1
        logging.getLogger(LOGGER).info("step %d of %d: %s", self.done, self.total, words)
