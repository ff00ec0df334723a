"""Columns of the user that colour the map: labels, and no column twice."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm.results.own_labels import own_labels
from cgmm.tables import MAX_COLUMNS, MAX_LABELS


def cells(n: int = 300) -> ad.AnnData:
    rng = np.random.default_rng(0)
    donor = rng.choice(["d1", "d2", "d3"], n)
    obs = pd.DataFrame(
        {
            "donor": donor,
            "patient": pd.Series(donor).map({"d1": "A", "d2": "B", "d3": "C"}).to_numpy(),
            "age": rng.uniform(20, 80, n),
            "cluster": rng.integers(0, 5, n),
            "is_old": rng.random(n) < 0.5,
            "constant": "all",
            "barcode": [f"b{i}" for i in range(n)],
            "cgmm_component": rng.choice(["a", "b"], n),
            "type": pd.Categorical(np.where(rng.random(n) < 0.1, None, rng.choice(["T", "B"], n))),
            "lines": rng.choice(["one\ttwo\nthree", "four"], n),
        },
        index=[f"c{i}" for i in range(n)],
    )
    return ad.AnnData(obs=obs)


def test_labels_are_taken_and_other_columns_are_not() -> None:
    found = own_labels(cells(), ("donor",))
    assert list(found) == ["obs_cluster", "obs_is_old", "obs_type", "obs_lines"]
    assert set(found["obs_type"]) == {"", "T", "B"}
    assert set(found["obs_is_old"]) == {"True", "False"}
    assert set(found["obs_lines"]) == {"one two three", "four"}


def test_a_column_that_divides_the_cells_as_the_donors_do_is_left_out() -> None:
    assert "obs_patient" not in own_labels(cells(), ("donor",))
    adata = cells()
    del adata.obs["donor"]
    assert "obs_patient" in own_labels(adata, ("donor",))


def test_there_are_limits_for_labels_and_columns() -> None:
    adata = cells()
    rng = np.random.default_rng(1)
    adata.obs = pd.DataFrame(
        {f"c{i:02}": rng.integers(0, 3, adata.n_obs) for i in range(MAX_COLUMNS + 3)}
        | {"a": np.arange(adata.n_obs) % (MAX_LABELS + 1)},
        index=adata.obs_names,
    )
    assert list(own_labels(adata, ())) == [f"obs_c{i:02}" for i in range(MAX_COLUMNS)]


def test_whole_numbers_are_labels_however_they_are_stored() -> None:
    adata = cells()
    number = np.arange(adata.n_obs) % 4.0
    missing = np.where(np.arange(adata.n_obs) < 9, np.nan, number // 2)
    adata.obs = pd.DataFrame(
        {
            "decimals": number,
            "missing": pd.Categorical(missing),
            "category": pd.Categorical([None, 1, 2] * (adata.n_obs // 3)),
            "half": number + 0.5,
            "huge": 1e300 * number,
            "infinite": np.where(number > 1, np.inf, number),
        },
        index=adata.obs_names,
    )
    found = own_labels(adata, ())
    assert {name: sorted(set(texts)) for name, texts in found.items()} == {
        "obs_decimals": ["0", "1", "2", "3"],
        "obs_missing": ["", "0", "1"],
        "obs_category": ["", "1", "2"],
    }
