"""Whether two columns of labels divide the cells alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def same_division(labels: Any, other: Any) -> bool:
    """Return whether two columns divide the cells alike, whatever their labels, shape (n,) each."""
    codes, names = pd.factorize(np.asarray(labels))
    codes_of_other, names_of_other = pd.factorize(np.asarray(other))
    if len(names) != len(names_of_other):
        return False
    pairs = codes.astype(np.int64) * max(len(names), 1) + codes_of_other
    return len(np.unique(pairs)) == len(names)
