"""Every number from which the program uses a word, such as fewest donors or least change."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95

MIN_DONORS = 3
MIN_CELLS = 20

ALPHA = 0.05
MIN_CHANGE = float(np.log2(1.5))
STATE_LEVELS = ((1.0, "strong"), (0.5, "moderate"), (0.25, "small"))
MAIN_SHARE = 0.8
GENE_LIMIT = MIN_CHANGE  # smaller changes are drawn but not named
STILL_GONE = -3.0  # log2 factor under which a subpopulation that is gone stays so
TWOFOLD = 1.0
