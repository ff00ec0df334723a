"""Every number that decides on a word, a finding or a missing value; each stands here once."""

from __future__ import annotations

import numpy as np

# Statistics
ALPHA = 0.05  #: a q (or a corrected p) below it is a finding; probability
LEVEL = 0.95  #: coverage of intervals; probability

# Fewest donors and cells
MIN_DONORS = 3  #: donors of each condition for an interval or a p-value
MIN_CELLS = 20  #: cells of a subpopulation in each condition for an interval
MIN_CELLS_PER_DONOR = 20  #: cells of a donor in a condition; donors with fewer are left out
MIN_CELLS_PER_SUM = 10  #: cells of a donor in a subpopulation for its sum of counts to be compared
MIN_CELLS_PER_POSITION = 5.0  #: cells of a donor in a subpopulation for its position on the shift

# Sizes of changes
MIN_CHANGE = float(np.log2(1.5))  #: smallest change that is called one: 1.5-fold; log2 units
GENE_LIMIT = MIN_CHANGE  #: smallest change of a gene that is drawn with its name; log2 units
TWOFOLD = 1.0  #: a factor that another choice moves farther is not settled; log2 units
STILL_GONE = -3.0  #: a gone subpopulation stays gone where its factor is no larger; log2 units
MAX_LOG2_NET = 4.0  #: factors beyond 16-fold count as 16-fold where partitions are compared
STATE_LEVELS = ((1.0, "strong"), (0.5, "moderate"), (0.25, "small"))  #: least shift; SD
MAIN_SHARE = 0.8  #: part of a subpopulation that goes to one place, for "mainly"
