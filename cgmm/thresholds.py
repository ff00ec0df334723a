"""Thresholds for findings, for the words of the report and for missing values, stated once."""

from __future__ import annotations

import numpy as np

# Statistics
ALPHA = 0.05  #: a q or a corrected p below this probability is significant
OUTSIDE = 0.01  #: a donor's share with a q below this probability lies outside those of the others
LEVEL = 0.95  #: probability that an interval covers the true value

# Fewest donors and cells
MIN_DONORS = 3  #: donors in each condition for an interval or a p-value
MIN_CELLS = 20  #: cells of a subpopulation for an interval or a test
MIN_CELLS_PER_DONOR = 20  #: cells of a donor in a condition; donors with fewer are left out
MIN_CELLS_PER_SUM = 10  #: cells of a donor in a subpopulation for its sum of counts to be compared
MIN_KEPT = 0.5  #: part of the cells of a sample that quality control keeps; below, a warning
MIN_CELLS_PER_POSITION = 5.0  #: cells of a donor in a subpopulation for its position on the shift

# Sizes of changes
MIN_MOVE_APART = 0.5  #: states of a population that differ in their moves by so many SD moved apart
MIN_CHANGE = float(np.log2(1.5))  #: smaller changes count as no change: 1.5-fold; log2 units
GENE_LIMIT = MIN_CHANGE  #: least change of a gene that figures label; log2 units
MIN_CHANGE_BY_QC = float(np.log2(1.25))  #: least factor that quality control makes, to warn; log2
TWOFOLD = 1.0  #: a factor that another choice changes by more is not settled; log2 units
STILL_GONE = -3.0  #: a gone subpopulation stays gone up to this factor; log2 units
MAX_LOG2_NET = 4.0  #: larger factors count as 16-fold when partitions are compared
STATE_LEVELS = ((1.0, "strong"), (0.5, "moderate"), (0.25, "small"))  #: least shift in SD, and word
MAIN_SHARE = 0.8  #: least part of a subpopulation in one target, for "mainly"
