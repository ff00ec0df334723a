"""Columns of obs are read per sample, without the matrices."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm.pp import InputError, Sample, sample_values


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Two samples in one file."""
    obs = pd.DataFrame(
        {
            "lane": ["x"] * 3 + ["y"] * 3,
            "sex": ["f"] * 3 + [None] * 3,
            "age": [30] * 3 + [41] * 3,
            "day": [1, 1, 2, 3, 3, 3],
        },
        index=[f"c{i}" for i in range(6)],
    )
    path = tmp_path / "both.h5ad"
    ad.AnnData(np.ones((6, 2), dtype=np.float32), obs=obs).write_h5ad(path)
    where = {"path": str(path), "condition": "a", "obs_column": "lane"}
    return [Sample(sample=s, obs_value=s, **where) for s in "xy"]


def test_values_are_text_and_missing_ones_are_empty(samples: list[Sample]) -> None:
    found = sample_values(samples, ["sex", "age"])
    assert found == [{"sex": "f", "age": "30"}, {"sex": "", "age": "41"}]
    assert sample_values(samples, []) == [{}, {}]


def test_every_problem_is_a_sentence(samples: list[Sample]) -> None:
    with pytest.raises(InputError) as caught:
        sample_values(samples, ["weight", "day"])
    missing, several = caught.value.problems
    assert "obs has no column 'weight', which the design names" in missing
    assert several == (
        "Sample x: obs 'day', which the design names, has 1, 2: it must be the same in all cells "
        "of a sample."
    )
