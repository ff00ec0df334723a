from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from cgmm.genes.marker_names import linear_scores, name_by_means, name_groups
from cgmm.genes.marker_table import FoundMarkers, find_markers, read_marker_table

ROOT = Path(__file__).resolve().parents[2]
GENES = np.array(["A1", "A2", "A3", "B1", "B2", "B3", "X1", "X2", "X3", "X4"])
SIGNS = np.array([[1, 1, 1, -1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]], dtype=float)
MARKERS = FoundMarkers(("A", "B"), SIGNS, ())


def means(**raised: float) -> np.ndarray:
    return np.array([raised.get(gene[0], 0.0) for gene in GENES])


def test_a_group_is_named_by_the_type_whose_markers_are_raised() -> None:
    found = name_by_means(
        np.array([means(A=2), means(B=2), means(A=1.1, B=1), means(X=2)]),
        np.array([50.0, 50, 10, 50]),
        GENES,
        FoundMarkers(("A", "B"), np.maximum(SIGNS, 0), ()),
    )
    assert found.names == ["A", "B", "mixed A/B", ""]
    assert found.verdicts == ["clear", "clear", "mixed", "unclear"]
    assert found.best[0] == "A"
    assert found.runner_up[0] == "B"
    assert found.score[0] > 2 > found.runner_up_score[0]
    assert found.raised[1] == ["B1", "B2", "B3"]
    assert found.n_markers.tolist() == [3, 3, 3, 3]


def test_half_of_the_markers_must_be_raised() -> None:
    one = means()
    one[0] = 5.0  # one gene of three, however high
    found = name_by_means(np.array([one, means(X=1)]), np.ones(2), GENES, MARKERS)
    assert found.verdicts == ["unclear", "unclear"]
    assert found.best[0] == "A"
    assert found.raised[0] == ["A1"]


def test_groups_without_cells_and_a_single_group_have_no_name() -> None:
    nothing = np.full(len(GENES), np.nan)
    found = name_by_means(np.array([means(A=2), nothing]), np.array([9.0, 0.0]), GENES, MARKERS)
    assert found.names == ["", ""]
    assert np.isnan(found.score[1])
    assert name_by_means(np.empty((0, 10)), np.empty(0), GENES, MARKERS).names == []


def test_one_type_has_no_runner_up() -> None:
    one = FoundMarkers(("A",), SIGNS[:1], ())
    found = name_by_means(np.array([means(A=2), means(B=2)]), np.ones(2), GENES, one)
    assert found.names == ["A", ""]
    assert found.runner_up == ["", ""]


@given(st.integers(0, 10_000))
def test_the_score_is_the_t_value_of_a_linear_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    response = rng.normal(size=(3, len(GENES)))
    scores = linear_scores(response, SIGNS)
    for k, row in enumerate(response):
        for j, signs in enumerate(SIGNS):
            line = linregress(signs, row)
            np.testing.assert_allclose(scores[k, j], line.slope / line.stderr, rtol=1e-8)


def test_cells_give_the_names_of_their_means() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, -1], 40)
    centre = np.array([means(A=2), means(B=2), means(X=1)])
    cells = centre[groups] + rng.exponential(0.1, size=(120, len(GENES)))
    expected = [cells[groups == g].mean(axis=0) for g in (0, 1)]
    direct = name_by_means(np.array(expected), np.array([40.0, 40.0]), GENES, MARKERS)
    memberships = np.eye(3)[groups][:, :2]
    for expression in (cells, sp.csr_matrix(cells)):
        for given_groups in (groups, memberships):
            found = name_groups(expression, given_groups, GENES, MARKERS)
            assert found.names == direct.names == ["A", "B"]
            np.testing.assert_allclose(found.score, direct.score)
    # weights move the mean of all cells
    weighted = name_groups(cells, groups, GENES, MARKERS, weights=np.where(groups == 0, 9.0, 1.0))
    assert (weighted.score != direct.score).all()


@pytest.mark.parametrize(
    ("file", "condition"), [("kang_ifnb.h5ad", "stim"), ("covid_gse149689.h5ad", "covid")]
)
def test_published_types_of_blood_get_their_names(
    shared_data: Path, file: str, condition: str
) -> None:
    adata = ad.read_h5ad(shared_data / file)
    adata = adata[::4].copy()
    kinds = adata.obs["cell_type_coarse" if "kang" in file else "cell_type"].astype(str)
    groups = (kinds + " " + adata.obs["condition"].astype(str)).to_numpy(object)
    names, codes = np.unique(groups.astype(str), return_inverse=True)
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    expression = sp.csr_matrix(sp.diags(1e4 / totals) @ adata.X).log1p()
    genes = adata.var_names.to_numpy(object).astype(str)
    table = read_marker_table(ROOT / "config" / "markers_blood.tsv")
    found = name_groups(expression, codes, genes, find_markers(table, genes))
    named = dict(zip(names, zip(found.best, found.verdicts, strict=True), strict=True))
    for label, name in {
        "B": "B cell",
        "CD14 Mono": "CD14 monocyte",
        "CD16 Mono": "CD16 monocyte",
        "NK": "NK cell",
        "CD4 T": "CD4 T cell",
        "CD8 T": "CD8 T cell",
        "Platelet": "platelet",
        "pDC": "plasmacytoid DC",
        "Eryth": "erythrocyte",
    }.items():
        if f"{label} {condition}" not in named:  # each data set lacks one or two of them
            continue
        assert named[f"{label} {condition}"][0] == name, (label, named)
    sizes = np.bincount(codes)
    clear = np.array([verdict == "clear" for verdict in found.verdicts])
    assert sizes[clear].sum() > 0.8 * sizes.sum()
