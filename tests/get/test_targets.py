"""Several targets: trends along an order, targets against each other, donors in several of them."""

from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm._anndata.targets import read_targets
from cgmm._anndata.units import DonorColumns
from cgmm._anndata.units_of_targets import read_target_units
from cgmm.get._targets import trend_sentence
from tests.get.doses import CONDITIONS, RISES, doses_of


@pytest.fixture(scope="module")
def apart() -> ad.AnnData:
    """Donors of their own in every condition."""
    return doses_of(paired=False)


@pytest.fixture(scope="module")
def paired() -> ad.AnnData:
    """The same donors in every condition."""
    return doses_of(paired=True)


def test_a_trend_is_found_and_its_interval_holds_the_truth(apart: ad.AnnData) -> None:
    table = cg.get.trends(apart).set_index("name")
    risen = table.loc["rises"]
    odds = 2 ** (3 * RISES) * 0.12 / 0.88  # other populations keep their odds
    assert risen["ci_low"] < np.log2(odds / (1 + odds) / 0.12) < risen["ci_high"]
    assert risen["q"] < 0.05
    assert risen["monotone"]
    assert table.loc["stays", "p"] > 0.05
    assert risen["log2_trend"] == pytest.approx(
        np.log2(risen["share_last"] / risen["share_first"]), abs=1e-6
    )


def test_the_interval_excludes_one_exactly_where_p_is_small(apart: ad.AnnData) -> None:
    table = cg.get.trends(apart)
    outside = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    assert list(outside) == list(table["p"] < 0.05)


def test_donors_in_several_conditions_are_compared_with_themselves(paired: ad.AnnData) -> None:
    within = cg.get.trends(paired).set_index("name")
    assert trend_sentence(paired) == "Every donor is compared with itself."
    renamed = paired.copy()
    names = renamed.obs["donor"].astype(str) + renamed.obs["condition"].astype(str)
    renamed.obs["donor"] = names
    for key in read_targets(renamed).keys:
        assert cg.get.params(renamed, key=key)["donor_key"] == "donor"
    as_others = cg.get.trends(renamed).set_index("name")
    assert trend_sentence(renamed) == "Every donor is in one condition."
    # donors differ a lot, so comparing them with themselves tells much more
    assert within.loc["rises", "p"] < as_others.loc["rises", "p"] / 2


def test_a_few_shared_donors_are_alike_by_a_random_effect(apart: ad.AnnData) -> None:
    some = apart.copy()
    donor = some.obs["donor"].astype(str)
    some.obs["donor"] = donor.replace({"low 0": "vehicle 0", "high 0": "vehicle 0"})
    assert "random donor effect" in trend_sentence(some)
    units = read_target_units(
        some, DonorColumns.from_params(read_targets(some).known[0]), CONDITIONS
    )
    assert units is not None
    assert not units.paired
    alike = units.blocks[units.donors == "vehicle 0"]
    assert len(alike) == 3
    assert len(set(alike)) == 1
    assert np.isfinite(cg.get.trends(some)["p"]).all()


def test_numbers_of_a_column_are_taken_as_they_are(apart: ad.AnnData) -> None:
    adata = apart.copy()
    steps = dict(zip(CONDITIONS, (0.0, 1.0, 2.0, 3.0), strict=True))
    adata.obs["step"] = adata.obs["condition"].astype(str).map(steps)
    by_list = cg.get.trends(adata)
    pd.testing.assert_frame_equal(cg.get.trends(adata, order="step"), by_list)
    pd.testing.assert_frame_equal(cg.get.trends(adata, order=steps), by_list)
    adata.obs["dose"] = adata.obs["step"] ** 3
    assert not np.allclose(cg.get.trends(adata, order="dose")["p"], by_list["p"])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (("a", "b", "c", "d"), "order: 'dose' must hold numbers, but 'vehicle' has 'a'"),
        ((0, 1, np.nan, 3), "order: 'dose' must hold numbers, but 'mid' has"),
        ((1, 1, 1, 1), "order: 'dose' is 1 in every condition, so nothing is ordered"),
    ],
)
def test_an_order_without_numbers_is_refused(
    apart: ad.AnnData, values: tuple, sentence: str
) -> None:
    adata = apart.copy()
    of = dict(zip(CONDITIONS, values, strict=True))
    adata.obs["dose"] = adata.obs["condition"].astype(str).map(of)
    with pytest.raises(ValueError, match=sentence):
        cg.get.trends(adata, order="dose")


def test_other_mistakes_in_an_order_are_refused(apart: ad.AnnData) -> None:
    adata = apart.copy()
    with pytest.raises(KeyError, match="order='day' is not a column of obs"):
        cg.get.trends(adata, order="day")
    with pytest.raises(KeyError, match="order has no number for 'high'"):
        cg.get.trends(adata, order={"vehicle": 0, "low": 1, "mid": 2})
    adata.obs["dose"] = np.arange(adata.n_obs)
    with pytest.raises(ValueError, match="must be the same in all samples of a condition"):
        cg.get.trends(adata, order="dose")


def test_a_covariate_of_the_design_stays_in_the_trend(apart: ad.AnnData) -> None:
    adata = apart.copy()
    number = adata.obs["donor"].astype(str).str.split().str[1].astype(int)
    adata.obs["sex"] = np.where(number % 2, "f", "m")
    for key in read_targets(adata).keys:
        cg.tl.donors(adata, key=key, design="~ C(condition) + sex")
    assert trend_sentence(adata) == (
        "Every donor is in one condition. The trend is adjusted for sex."
    )
    found = cg.get.trends(adata).set_index("name")
    assert found.loc["rises", "q"] < 0.05
    assert not np.allclose(found["p"], cg.get.trends(apart)["p"])


def test_a_covariate_that_is_the_order_gives_a_reason(apart: ad.AnnData) -> None:
    adata = apart.copy()
    steps = dict(zip(CONDITIONS, (0.0, 1.0, 2.0, 3.0), strict=True))
    for key in read_targets(adata).keys:
        cg.tl.donors(adata, key=key, design="~ condition")
    adata.obs["day"] = adata.obs["condition"].astype(str).map(steps)
    name = read_targets(adata).keys[0]
    facts = adata.uns[name]["uncertainty"]["facts"]
    adata.uns[name]["uncertainty"]["facts"] = facts.replace("~ condition", "~ condition + day")
    table = cg.get.trends(adata)
    assert table["p"].isna().all()
    assert table["reason"].str.contains("day cannot be told from the order of the conditions").all()


def test_few_donors_give_a_reason_instead_of_a_trend(apart: ad.AnnData) -> None:
    kept = apart[~apart.obs["donor"].astype(str).isin(["vehicle 1", "vehicle 2", "vehicle 3"])]
    table = cg.get.trends(kept.copy())
    assert table["log2_trend"].isna().all()
    assert table["reason"].str.contains("Fewer than 3 donors in the source").all()


def test_targets_are_compared_with_each_other(apart: ad.AnnData) -> None:
    table = cg.get.target_pairs(apart)
    assert list(dict.fromkeys(zip(table["source"], table["target"], strict=True))) == [
        ("low", "mid"),
        ("low", "high"),
        ("mid", "high"),
    ]
    far = table[(table["source"] == "low") & (table["target"] == "high")].set_index("name")
    assert far.loc["rises", "log2_net"] == pytest.approx(2 * RISES, abs=0.6)
    # factors of pairs are quotients of the factors against the source, but for who is tested
    against = cg.get.compare(apart, level="population").pivot(
        index="name", columns="target", values="log2_net"
    )
    apart_by = against["high"] - against["low"]
    np.testing.assert_allclose(far["log2_net"], apart_by.reindex(far.index), atol=0.02)


def test_populations_stand_beside_each_other(apart: ad.AnnData) -> None:
    table = cg.get.compare(apart, level="population")
    assert list(dict.fromkeys(table["target"])) == ["low", "mid", "high"]
    for key, rows in table.groupby("key", sort=False):
        own = cg.get.populations(apart, key=str(key))
        pd.testing.assert_frame_equal(
            rows.drop(columns=["key", "target"]).reset_index(drop=True), own
        )


def test_without_donors_there_is_no_trend() -> None:
    adata = doses_of(paired=False, donors=False)
    table = cg.get.trends(adata)
    assert table["p"].isna().all()
    assert table["reason"].str.startswith("No donors were given").all()
    assert trend_sentence(adata) == ""


def test_figures_of_targets_show_every_population(apart: ad.AnnData) -> None:
    ax = cg.pl.compare(apart, level="population")
    shown = {label.get_text() for label in ax.get_yticklabels()}
    assert shown == set(cg.get.trends(apart)["name"])
    ax = cg.pl.responses(apart)
    called = cg.get.compare(apart, level="population").query("q < 0.05")
    named = ", ".join(label.get_text() for label in ax.get_xticklabels())
    assert "rises" in named
    assert set(named.split(", ")) == set(called["name"])
    counts = [int(text.get_text()) for text in ax.texts]
    assert sum(counts) == called["name"].nunique()
    plt.close("all")
