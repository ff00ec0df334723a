from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cgmm.genes import naming


def test_majority_label_and_purity() -> None:
    r = np.array([[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]], dtype=float)
    labels = np.array(["T", "T", "B", "B", None], dtype=object)
    names, purity = naming.by_annotation(r, labels)
    assert names == ["T", "B"]
    np.testing.assert_allclose(purity, [2 / 2.5, 1.0])
    # weights can turn the majority
    names, _ = naming.by_annotation(r, labels, weights=np.array([1.0, 1, 9, 1, 1]))
    assert names == ["B", "B"]


def test_component_without_labels_has_no_name() -> None:
    names, purity = naming.by_annotation(np.eye(2), np.array(["T", float("nan")], dtype=object))
    assert names == ["T", ""]
    assert np.isnan(purity[1])


def test_markers_are_specific_robust_and_informative() -> None:
    genes = ["EVERYWHERE", "ONLY0", "ONLY1", "FEWCELLS1", "MT-CO1", "RPL3", "MALAT1", "SHIFTED1"]
    means = np.array(
        [
            [3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [3.2, 0.0, 1.5, 1.6, 5.0, 5.0, 5.0, 4.0],
            [3.0, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    fractions = np.array(
        [
            [1.0, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 0.0, 0.8, 0.1, 1.0, 1.0, 1.0, 0.9],
            [1.0, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    exclude = np.array([g.startswith("SHIFTED") for g in genes])
    found = naming.markers(means, fractions, genes, exclude=exclude)
    assert found == [["ONLY0"], ["ONLY1", "FEWCELLS1"], []]


def test_markers_of_dense_features_use_the_lead_alone() -> None:
    means = np.array([[2.0, 0.5], [0.5, 2.0]])
    assert naming.markers(means, np.ones((2, 2)), ["CD3", "CD19"]) == [["CD3"], ["CD19"]]


def test_one_component_has_no_markers() -> None:
    assert naming.markers(np.ones((1, 3)), np.ones((1, 3)), list("abc")) == [[]]


def test_a_component_without_cells_takes_no_markers_from_others() -> None:
    means = np.array([[2.0, 0.5], [np.nan, np.nan], [0.5, 2.0]])
    found = naming.markers(means, np.where(np.isnan(means), np.nan, 1.0), ["CD3", "CD19"])
    assert found == [["CD3"], [], ["CD19"]]


def test_a_name_with_a_number_gets_the_second_one_behind_a_point() -> None:
    names = naming.unique_names(["T cell 1", "T cell 1", "MS4A1"], np.array([1.0, 2.0, 3.0]))
    assert names == ["T cell 1.2", "T cell 1.1", "MS4A1"]


def test_equal_names_are_numbered_by_size() -> None:
    names = naming.unique_names(["T", "B", "T", ""], np.array([0.1, 0.2, 0.6, 0.1]))
    assert names == ["T 2", "B", "T 1", "Subpopulation 1"]
    # a number that is taken is passed over
    assert naming.unique_names(["T", "T", "T 1"], np.array([0.5, 0.3, 0.2])) == [
        "T 2",
        "T 3",
        "T 1",
    ]


@given(
    st.lists(
        st.sampled_from(["T", "B", "", "T 1", "B 2", "<b>x</b>", " T "]), min_size=1, max_size=9
    ),
    st.lists(st.sampled_from(["T", "B", "", "T 1", "T 2", "B 2"]), min_size=1, max_size=9),
    st.integers(0, 1000),
)
def test_names_are_unique_on_each_side_and_shared_by_partners(
    own0: list[str], own1: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coupling = rng.gamma(0.2, size=(len(own0), len(own1)))
    source, target = naming.name_sides(
        own0,
        own1,
        coupling=coupling,
        sizes_source=rng.random(len(own0)),
        sizes_target=rng.random(len(own1)),
    )
    assert len(set(source)) == len(source) == len(own0)
    assert len(set(target)) == len(target) == len(own1)
    assert all(source)
    assert all(target)
    partner = naming.mutual_best(coupling)
    for j, k in enumerate(partner):
        # the same name on both sides means partners, and only partners
        assert (k >= 0) == (target[j] in source)
        if k >= 0:
            assert target[j] == source[k]


def test_mutual_best_needs_both() -> None:
    coupling = np.array([[0.4, 0.3, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(naming.mutual_best(coupling), [0, -1, -1])


def test_a_target_component_of_another_type_than_its_match_has_its_own_name() -> None:
    sizes = np.array([0.5, 0.3, 0.2])
    source, target = naming.name_sides(
        ["T", "B", "NK"],
        ["T", "Prolif T", "NK"],
        coupling=np.eye(3),
        sizes_source=sizes,
        sizes_target=sizes,
        types_source=["T", "B", "NK"],
        types_target=["T", "Prolif T", ""],
    )
    assert source == ["T", "B", "NK"]
    assert target == ["T", "Prolif T", "NK"]
    # the name of a source component that is another's match is not taken
    _, target = naming.name_sides(
        ["T", "B", "NK"],
        ["T", "T", "NK"],
        coupling=np.eye(3),
        sizes_source=sizes,
        sizes_target=sizes,
        types_source=["T", "B", "NK"],
        types_target=["T", "T", "NK"],
    )
    assert target == ["T", "T 2", "NK"]


@given(
    st.lists(st.sampled_from(["T", "B", "T 1", "NK"]), min_size=1, max_size=9),
    st.lists(st.sampled_from(["T", "B", "T 2", "NK", "Prolif T"]), min_size=1, max_size=9),
    st.integers(0, 1000),
)
def test_names_by_type_are_unique_and_never_those_of_another_type(
    own0: list[str], own1: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coupling = rng.gamma(0.2, size=(len(own0), len(own1)))
    types = [t if rng.random() < 0.8 else "" for t in own1]
    source, target = naming.name_sides(
        own0,
        own1,
        coupling=coupling,
        sizes_source=rng.random(len(own0)),
        sizes_target=rng.random(len(own1)),
        types_source=own0,
        types_target=types,
    )
    assert len(set(source)) == len(own0)
    assert len(set(target)) == len(own1)
    partner = naming.mutual_best(coupling)
    for j, k in enumerate(partner):
        same = k >= 0 and types[j] in ("", own0[k])
        assert (target[j] in source) == same
        if same:
            assert target[j] == source[k]


@given(st.integers(2, 12), st.integers(0, 99))
def test_the_upper_of_the_others_is_their_80th_percentile(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, n, (n, 20)).astype(float)
    one_by_one = [
        np.quantile(np.delete(values, j, axis=0), 0.8, axis=0, method="higher") for j in range(n)
    ]
    np.testing.assert_array_equal(naming._upper_of_others(values), one_by_one)
