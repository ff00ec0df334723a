"""Numbers of populations are the same wherever they are stated."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scanpy as sc

import cgmm as cg
from cgmm.results.cells import cells_table
from cgmm.tables import BY_POPULATION, TABLES
from tests.whole.stated import contradictions

SHARED_FITS = {
    "kang_ifnb": ("condition", "ctrl", "stim"),
    "covid_gse149689": ("condition", "healthy", "covid"),
    "gbm_panobinostat": ("condition", "ctrl", "panobinostat"),
    "airway_cf_pig": ("condition", "WT", "CFTRKO"),
    "wnv_cns_flow": ("condition", "Mock", "WNV"),
}


def test_every_table_states_the_same_factor_share_and_shift(populated: ad.AnnData) -> None:
    rows = cg.get.populations(populated).set_index("name")
    factors = cg.get.factors(populated, level="population").set_index("name")
    for column in ("share_source", "share_target", "log2_net", "ci_low", "ci_high", "p", "q"):
        np.testing.assert_array_equal(factors[column], rows[column], err_msg=column)
    np.testing.assert_allclose(
        rows["log2_net"], np.log2(rows["share_target"] / rows["share_source"]), atol=1e-9
    )
    shifts = cg.get.shifts(populated, level="population").set_index("source")
    np.testing.assert_array_equal(shifts["unbiased_shift_sd"], rows["shift_sd"])
    arrivals = cg.get.arrivals(populated, level="population").set_index("name")
    np.testing.assert_array_equal(arrivals["share_target"], rows["share_target"])
    populated.obs["barcode"] = populated.obs_names
    populated.obsm["X_umap"] = np.asarray(populated.obsm["X_pca"][:, :2])
    cells = cells_table(populated, use_rep="X_pca")
    stated = cells.groupby("population")["log2_net_factor"].agg(["min", "max"])
    for end in ("min", "max"):
        np.testing.assert_allclose(stated[end], rows["log2_net"][stated.index], atol=1e-4)


def test_no_two_tables_contradict_each_other(populated: ad.AnnData, call: dict) -> None:
    assert contradictions(populated) == []
    fit = cg.get.fit(populated)
    cg.tl.annotate(populated, fit, **call, donor_key="donor", name_by="cell_type")
    assert contradictions(populated) == []


@pytest.mark.parametrize(
    ("slot", "words"),
    [("elsewhere", "settled"), ("flow", "main source"), ("cells", "n_cells and the cells")],
)
def test_contradictions_are_seen(
    populated: ad.AnnData, monkeypatch: pytest.MonkeyPatch, slot: str, words: str
) -> None:
    whole = {name: getattr(cg.get, name) for name in ("sensitivity", "arrivals", "populations")}

    def changed(name: str, column: str, change: object) -> None:
        def table(*args: object, **options: object) -> object:
            return whole[name](*args, **options).assign(**{column: change})

        monkeypatch.setattr(cg.get, name, table)

    if slot == "elsewhere":
        changed("sensitivity", "difference", 9.0)
    elif slot == "flow":
        changed("arrivals", "share_from_main_source", 0.123)
    else:
        changed("populations", "n_cells", 7)
    assert any(words in one for one in contradictions(populated))


@pytest.mark.long
@pytest.mark.parametrize("name", SHARED_FITS)
def test_no_two_tables_contradict_each_other_on_real_data(shared_data: Path, name: str) -> None:
    condition, source, target = SHARED_FITS[name]
    adata = ad.read_h5ad(shared_data / f"{name}.h5ad")
    adata = adata[adata.obs[condition].isin([source, target]).to_numpy()].copy()
    if adata.n_vars > 60:
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
        sc.pp.pca(adata, n_comps=20, random_state=0)
        rep = "X_pca"
    else:
        adata.obsm["X_markers"] = sc.pp.scale(np.asarray(adata.X, dtype=float), copy=True)
        rep = "X_markers"
    options = {"condition_key": condition, "source": source, "target": target, "use_rep": rep}
    cg.tl.fit(adata, **options, donor_key="donor")
    assert contradictions(adata) == []


def test_transfers_and_arrivals_are_read_from_one_table(populated: ad.AnnData) -> None:
    transfers = cg.get.transfers(populated, level="population")
    assert transfers["mass"].sum() == pytest.approx(1.0, abs=1e-6)
    for side, share in (("source", "share_of_source"), ("target", "share_of_target")):
        np.testing.assert_allclose(transfers.groupby(side)[share].sum(), 1.0)
    main = transfers.loc[transfers.groupby("target")["share_of_target"].idxmax()]
    arrivals = cg.get.arrivals(populated, level="population").set_index("name")
    main = main.set_index("target").loc[arrivals.index]
    assert (main["source"] == arrivals["main_source"]).all()
    np.testing.assert_allclose(main["share_of_target"], arrivals["share_from_main_source"])


def test_shares_of_donors_give_the_factor(populated: ad.AnnData) -> None:
    donors = cg.get.donors(populated, level="population")
    counts = donors["share"] * donors["n_cells"]
    odds = np.log((counts + 0.5) / (donors["n_cells"] - counts + 0.5))
    mean = odds.groupby([donors["name"], donors["side"]]).mean().unstack()
    typical = 1 / (1 + np.exp(-mean))
    rows = cg.get.populations(populated).set_index("name").loc[typical.index]
    np.testing.assert_allclose(typical["source"], rows["share_source"], atol=1e-9)
    np.testing.assert_allclose(typical["target"], rows["share_target"], atol=1e-9)


def test_states_add_up_inside_their_population(populated: ad.AnnData) -> None:
    states = cg.get.states(populated)
    for column in ("share_source", "share_target"):
        np.testing.assert_allclose(states.groupby("population")[column].sum(), 1.0)
    assert set(states["population"]) <= set(cg.get.populations(populated)["name"])


@pytest.mark.parametrize("name", BY_POPULATION)
def test_a_table_has_the_same_columns_at_both_levels(populated: ad.AnnData, name: str) -> None:
    if name == "donor_shifts":
        cg.tl.donors(populated, donor_key="donor")
    of_populations = getattr(cg.get, name)(populated, level="population")
    of_states = getattr(cg.get, name)(populated, level="state")
    assert tuple(of_populations.columns) == tuple(of_states.columns) == TABLES[name].names
    with pytest.raises(ValueError, match="level='cell'"):
        getattr(cg.get, name)(populated, level="cell")


def test_a_fit_without_populations_says_what_to_do(fitted: ad.AnnData) -> None:
    assert cg.get.populations(fitted).empty
    with pytest.raises(ValueError, match="name_by"):
        cg.get.factors(fitted, level="population")
    with pytest.raises(ValueError, match="name_by"):
        cg.tl.genes(fitted, level="population")


def test_genes_are_those_of_populations_unless_states_are_asked_for(populated: ad.AnnData) -> None:
    names = set(cg.get.genes(populated)["name"])
    assert names <= set(cg.get.populations(populated)["name"])
    cg.tl.genes(populated, level="state")
    assert set(cg.get.genes(populated)["name"]) <= set(cg.get.factors(populated)["name"])
