from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cgmm as cg
from cgmm.transport.barycentric_map import displacement

FRAMES = ("components", "factors", "transfers", "arrivals", "shifts", "donors")
OBS = ["cgmm_component", "cgmm_log2_net_factor", "cgmm_shift"]
OBSM = ["cgmm_responsibilities", "cgmm_displacement", "cgmm_projected"]


def broken(adata: ad.AnnData, how: str) -> tuple[ad.AnnData, dict]:
    call: dict = {}
    if how == "nan in representation":
        adata.obsm["X_pca"][3, 1] = np.nan
    elif how == "donor missing":
        donors = adata.obs["donor"].astype(object)
        donors.iloc[:4] = None
        adata.obs["donor"] = donors
        call["donor_key"] = "donor"
    elif how == "few cells":
        keep = (adata.obs["condition"] == "control").to_numpy(copy=True)
        keep[np.flatnonzero(~keep)[:20]] = True
        adata = adata[keep].copy()
    elif how == "text in representation":
        adata.obsm["X_words"] = np.full((adata.n_obs, 2), "a")
        call["use_rep"] = "X_words"
    return adata, call


@pytest.mark.parametrize(
    ("how", "change", "error", "sentence"),
    [
        ("", {"condition_key": "cond"}, KeyError, "condition_key='cond' is not a column of obs"),
        ("", {"source": "ctrl"}, ValueError, "'ctrl' is not a condition.*'control', 'treated'"),
        ("", {"target": "control"}, ValueError, "needs two different conditions"),
        ("", {"use_rep": "X_scVI"}, KeyError, "'X_scVI' is not in obsm; there are 'X_pca'"),
        ("", {"n_dims": 7}, ValueError, "must be a whole number from 1 to 6, got 7"),
        ("", {"donor_key": "mouse"}, KeyError, "donor_key='mouse' is not a column"),
        ("", {"name_by": "label"}, KeyError, "name_by='label' is not a column"),
        ("", {"layer": "logs"}, KeyError, "layer='logs' is not in layers; there are counts"),
        ("", {"key_added": "a/b"}, ValueError, "without '/'"),
        ("nan in representation", {}, ValueError, "NaN or infinite values in 1 cells"),
        ("donor missing", {}, ValueError, "missing in 4 cells"),
        ("few cells", {}, ValueError, "'treated' has 20 cells; a fit needs at least 50"),
        ("text in representation", {}, ValueError, "must be a table of numbers"),
    ],
)
def test_bad_input_is_refused_in_words_and_changes_nothing(
    simulated: ad.AnnData, call: dict, how: str, change: dict, error: type, sentence: str
) -> None:
    adata, more = broken(simulated, how)
    before = adata.copy()
    with pytest.raises(error, match=sentence):
        cg.tl.fit(adata, **{**call, **more, **change})
    assert list(adata.obs) == list(before.obs)
    assert set(adata.obsm) == set(before.obsm)
    assert set(adata.uns) == set(before.uns)


def test_only_an_anndata_is_taken(call: dict) -> None:
    with pytest.raises(TypeError, match="must be an AnnData"):
        cg.tl.fit(np.zeros((3, 2)), **call)


def test_writes_the_fields_of_the_contract_and_no_others(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    before = simulated.copy()
    assert cg.tl.annotate(simulated, fit, **call, donor_key="donor") is None
    assert set(simulated.obs) - set(before.obs) == set(OBS)
    assert set(simulated.obsm) - set(before.obsm) == set(OBSM)
    assert set(simulated.uns) - set(before.uns) == {"cgmm"}
    pd.testing.assert_frame_equal(simulated.obs[list(before.obs)], before.obs)
    pd.testing.assert_frame_equal(simulated.var, before.var)
    np.testing.assert_array_equal(simulated.obsm["X_pca"], before.obsm["X_pca"])
    assert (simulated.X != before.X).nnz == 0
    assert isinstance(simulated.uns["cgmm"]["params"], str)


def test_copy_leaves_the_object_alone_and_gives_the_same(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    copy = cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="run", copy=True)
    assert "run" not in simulated.uns
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="run")
    for name in FRAMES:
        frames = [getattr(cg.get, name)(a, key="run") for a in (copy, simulated)]
        pd.testing.assert_frame_equal(*frames)


def test_views_and_other_conditions(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> None:
    obs = simulated.obs["condition"].astype(str).to_numpy(object)
    third = simulated[obs == "treated"].copy()
    third.obs["condition"] = "washout"
    third.obs_names = [f"w{n}" for n in third.obs_names]
    third.obsm["X_pca"][:] = np.nan  # cells of other conditions need no representation
    everything = ad.concat([simulated, third])
    everything.obs["condition"] = everything.obs["condition"].astype(str)
    cg.tl.annotate(everything, fit, **call, donor_key="donor")
    other = (everything.obs["condition"] == "washout").to_numpy()
    assert everything.obs.loc[other, OBS].isna().all(axis=None)
    assert everything.obs.loc[~other, "cgmm_component"].notna().all()
    assert all(np.isnan(everything.obsm[name][other]).all() for name in OBSM)

    view = everything[~other]
    assert view.is_view
    cg.tl.annotate(view, fit, **call, donor_key="donor", key_added="again")
    for name in FRAMES:
        pd.testing.assert_frame_equal(
            getattr(cg.get, name)(view, key="again"), getattr(cg.get, name)(everything)
        )
    assert "again" not in everything.uns


def test_cell_order_is_of_no_consequence(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    order = np.random.default_rng(0).permutation(simulated.n_obs)
    turned = simulated[order].copy()
    cg.tl.annotate(simulated, fit, **call, donor_key="donor")
    cg.tl.annotate(turned, fit, **call, donor_key="donor")
    np.testing.assert_array_equal(
        turned.obs["cgmm_component"].astype(str),
        simulated.obs["cgmm_component"].astype(str).iloc[order],
    )
    for name in OBS[1:]:
        np.testing.assert_allclose(turned.obs[name], simulated.obs[name].iloc[order], rtol=1e-6)
    np.testing.assert_allclose(
        cg.get.factors(turned)["p"], cg.get.factors(simulated)["p"], rtol=1e-6
    )


def test_per_cell_fields_agree_with_the_tables(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    condition = fitted.obs["condition"].astype(str).to_numpy()
    source, target = condition == "control", condition == "treated"
    r = fitted.obsm["cgmm_responsibilities"]
    np.testing.assert_allclose(np.nansum(r, axis=1), 1)
    # donors count equally: the mean of their shares is the share of the component
    donors = cg.get.donors(fitted)
    for side, shares in (("source", fit.shares_source), ("target", fit.shares_target)):
        mean = donors[donors["side"] == side].groupby("component")["share"].mean()
        np.testing.assert_allclose(mean, shares, atol=1e-4)
    # a cell that belongs to one component has that component's factor
    factors = cg.get.factors(fitted)
    sure = source & (r.max(axis=1) > 1 - 1e-9)
    expected = factors.set_index("name")["log2_net"][fitted.obs["cgmm_component"][sure]]
    np.testing.assert_allclose(
        fitted.obs["cgmm_log2_net_factor"][sure], expected.to_numpy(), atol=1e-6
    )
    shift = fitted.obs["cgmm_shift"].to_numpy()
    moves = fitted.obsm["cgmm_displacement"]
    assert moves.dtype == fitted.obsm["X_pca"].dtype
    np.testing.assert_allclose(shift[source], np.linalg.norm(moves[source], axis=1), rtol=1e-5)
    assert np.isnan(shift[target]).all()


def test_displacement_carries_each_gaussian_onto_its_partner() -> None:
    """With a one-to-one coupling the map is affine and exact: means to means, A S A = T."""
    rng = np.random.default_rng(0)
    d, k = 4, 3
    factors = rng.normal(size=(2, k, d, d)) + 2 * np.eye(d)
    source, target = factors @ factors.swapaxes(-1, -2)
    means = rng.normal(size=(2, k, d))
    partner = rng.permutation(k)
    coupling = np.zeros((k, k))
    coupling[np.arange(k), partner] = [0.2, 0.5, 0.1]
    frame = np.vstack([np.zeros(d), np.eye(d)])  # a point and the ends of the axes
    for i in range(k):
        points = means[0][i] + frame
        belong = np.eye(k)[np.full(d + 1, i)]
        moved = points + displacement(
            points,
            belong,
            means_source=means[0],
            means_target=means[1],
            covariances_source=source,
            covariances_target=target,
            coupling=coupling,
        )
        np.testing.assert_allclose(moved[0], means[1][partner[i]], atol=1e-12)
        a = moved[1:] - moved[0]
        np.testing.assert_allclose(a, a.T, atol=1e-9)
        np.testing.assert_allclose(a @ source[i] @ a, target[partner[i]], rtol=1e-8)


def test_displacement_is_nothing_between_equal_sides_and_averages_over_partners() -> None:
    rng = np.random.default_rng(1)
    same = {
        "means_source": rng.normal(size=(2, 3)),
        "covariances_source": np.stack([np.eye(3), 2 * np.eye(3)]),
    }
    x, r = rng.normal(size=(20, 3)), rng.dirichlet(np.ones(2), size=20)
    still = displacement(
        x,
        r,
        **same,
        means_target=same["means_source"],
        covariances_target=same["covariances_source"],
        coupling=np.eye(2),
    )
    np.testing.assert_allclose(still, 0, atol=1e-12)
    # equal shapes, two partners: the displacement is the mean of the two moves
    split = displacement(
        x,
        np.ones((20, 1)),
        means_source=np.zeros((1, 3)),
        covariances_source=np.eye(3)[None],
        means_target=np.array([[4.0, 0, 0], [0, 8.0, 0]]),
        covariances_target=np.stack([np.eye(3)] * 2),
        coupling=np.array([[0.3, 0.1]]),
    )
    np.testing.assert_allclose(split, np.tile([3.0, 2.0, 0.0], (20, 1)), atol=1e-12)


def test_unequal_numbers_of_components(
    simulated: ad.AnnData, fit: cg.CoupledFit, couple: Callable, call: dict
) -> None:
    five, seven = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 5]
    sides = [
        cg.GaussianMixture(np.full(len(k), 1 / len(k)), m.means[k], m.covariances[k])
        for m, k in ((fit.source, five), (fit.target, seven))
    ]
    fit = couple(*sides)
    cg.tl.annotate(simulated, fit, **call)
    assert simulated.obsm["cgmm_responsibilities"].shape[1] == 7
    source = (simulated.obs["condition"] == "control").to_numpy()
    assert np.isnan(simulated.obsm["cgmm_responsibilities"][source, 5:]).all()
    factors = cg.get.factors(simulated)
    arrivals = cg.get.arrivals(simulated)
    known = arrivals.loc[arrivals["status"] != "new", "share_target"].sum()
    net = 2 ** factors["log2_net"]
    assert (factors["share_source"] * net).sum() == pytest.approx(known)
    assert len(cg.get.arrivals(simulated)) == 7
    assert all("No donors" in r for r in factors["reason"])
    assert cg.get.donors(simulated).empty


def test_names_come_from_markers_or_from_a_column(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    truth = ["Alpha", "Beta", "Delta", "Epsilon", "Gamma", "Zeta"]
    cg.tl.annotate(simulated, fit, **call)
    markers = cg.get.components(simulated)
    found = {n.rstrip("0123456789").title() for n in markers["name"].str.split().str[0]}
    assert sorted(found) == truth
    # each marker belongs to the type that most cells of the component have
    cg.tl.annotate(simulated, fit, **call, name_by="cell_type", key_added="named")
    named = cg.get.components(simulated, key="named")
    assert sorted(named.loc[named["side"] == "source", "name"]) == truth
    assert (named["cell_type_purity"] > 0.9).all()
    for name, genes in zip(named["name"], named["markers"], strict=True):
        assert all(g.startswith(name.upper()) for g in genes.split(", "))


def test_names_without_expression_are_numbers_and_expression_may_be_elsewhere(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    bare = ad.AnnData(obs=simulated.obs.copy(), obsm={"X_pca": simulated.obsm["X_pca"]})
    cg.tl.annotate(bare, fit, **call)
    assert set(cg.get.factors(bare)["name"]) == {f"Subpopulation {i}" for i in range(1, 7)}
    with pytest.raises(ValueError, match="has no X"):
        cg.tl.genes(bare)

    order = np.random.default_rng(1).permutation(simulated.n_obs)
    elsewhere = simulated[order].copy()
    cg.tl.annotate(bare, fit, **call, expression=elsewhere)
    cg.tl.annotate(simulated, fit, **call)
    assert list(cg.get.factors(bare)["name"]) == list(cg.get.factors(simulated)["name"])
    cg.tl.genes(bare, expression=elsewhere)
    cg.tl.genes(simulated)
    pd.testing.assert_frame_equal(cg.get.genes(bare), cg.get.genes(simulated))
    with pytest.raises(ValueError, match="lacks 1 of the 1600 cells"):
        cg.tl.genes(bare, expression=elsewhere[1:])


def test_genes_refuse_counts_and_do_not_name_by_them(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    simulated.X = simulated.layers["counts"].copy()
    cg.tl.annotate(simulated, fit, **call)
    assert cg.get.params(simulated)["named_by"] == "number"
    with pytest.raises(ValueError, match="seems to be counts"):
        cg.tl.genes(simulated)


def test_the_programme_leads_where_it_was_simulated(fitted: ad.AnnData) -> None:
    genes = cg.get.genes(fitted)
    leading = genes[genes["rank"] <= 10].groupby("name")["gene"]
    programme = leading.agg(lambda g: g.str.startswith("RESP").mean())
    assert programme[programme.index.str.startswith("ALPHA")].item() == 1.0
    assert programme[programme.index.str.startswith("BETA")].item() < 0.5
    alpha = genes[genes["name"].str.startswith("ALPHA") & genes["gene"].str.startswith("RESP")]
    # simulated log2 increase 2, seen through size factors, log1p and donors
    assert 1.5 < alpha["log2_change"].mean() < 2.3
    assert (alpha["scope"] != "").all()


def test_genes_restrict_and_keep(fitted: ad.AnnData) -> None:
    cg.tl.genes(fitted, n_genes=5)
    few = cg.get.genes(fitted)
    cg.tl.genes(fitted, n_genes=None)
    everything = cg.get.genes(fitted)
    assert len(few) < len(everything) == 6 * fitted.n_vars
    common = few.merge(everything, on=["component", "gene"], suffixes=("", "_all"))
    assert len(common) == len(few)
    np.testing.assert_array_equal(common["log2_change"], common["log2_change_all"])
    # a gene in anyone's first twenty is there for everyone, so that a table can be made
    expressed = everything[["fraction_source", "fraction_target"]].max(axis=1) >= 0.1
    expressed &= everything["ambient_share"] < 0.5
    top = everything.loc[(everything["rank"] <= 20) & expressed, "gene"].unique()
    assert few[few["gene"].isin(top)].groupby("gene").size().eq(6).all()
    size = everything["log2_change"].abs()
    ranked = everything.assign(size=size).sort_values(["component", "rank"])
    expressed = ranked[ranked[["fraction_source", "fraction_target"]].max(axis=1) >= 0.1]
    # those that contamination may have made come last
    own = expressed[expressed["ambient_share"] < 0.5]
    last = own.groupby("component")["rank"].max()
    others = expressed[expressed["ambient_share"] >= 0.5]
    assert (others["rank"] > others["component"].map(last)).all()
    expressed = own
    assert (expressed.groupby("component")["size"].diff().dropna() <= 1e-12).all()


def test_genes_need_a_fit(simulated: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.fit"):
        cg.tl.genes(simulated)


def test_a_fit_of_other_dimensions_is_refused(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    with pytest.raises(ValueError, match="has 6 dimensions, but X_pca gives 3"):
        cg.tl.annotate(simulated, fit, **call, n_dims=3)


def test_features_themselves_can_be_the_representation(couple: Callable) -> None:
    drawn = cg.simulate.points(n_components=3, n_dims=3, n_cells=400, separation=12)
    adata = drawn.to_anndata()
    panel = ad.AnnData(drawn.points, obs=adata.obs)
    panel.var_names = ["CD3", "CD19", "CD14"]
    truth = drawn.truth
    fit = couple(
        *(
            cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
            for s in ("source", "target")
        )
    )
    conditions = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(panel, fit, **conditions, use_rep="X")
    named = " ".join(cg.get.factors(panel)["name"]).split()
    assert set(named) & set(panel.var_names)


def test_the_truth_is_found_end_to_end(make_counts: Callable, call: dict) -> None:
    """Automatic fit of simulated counts: shares, factors and intervals against the truth."""
    adata = make_counts(n_cells=2400, n_genes=300, n_donors=5, random_state=3)
    cg.tl.fit(adata, **call, donor_key="donor", name_by="cell_type")
    cg.tl.genes(adata)
    truth = adata.uns["truth"]
    # several components may share a true type: add them up
    table = cg.get.factors(adata)
    parts = cg.get.components(adata)
    table["type"] = parts.loc[parts["side"] == "source", "cell_type"].to_numpy()
    sums = table.groupby("type")[["share_source", "share_target"]].sum()
    log2_net = np.log2(sums["share_target"] / sums["share_source"]).reindex(truth["names"])
    # against the drawn cells: what the fit can know
    assert np.abs(log2_net - truth["log2_net_sample"]).max() < 0.25
    # 95 % intervals hold the truth of the model, up to one of those that have an interval
    single = table[table["type"].map(table["type"].value_counts()) == 1].dropna(subset="p")
    true = pd.Series(truth["log2_net"], index=truth["names"])[single["type"]].to_numpy()
    inside = (single["ci_low"] <= true) & (true <= single["ci_high"])
    assert (~inside).sum() <= 1
    moved = cg.get.shifts(adata).sort_values("total_shift_sd")["source"].iloc[-1]
    assert moved.startswith("Alpha")


@pytest.mark.long
def test_interferon_moves_every_blood_cell_and_changes_few_shares(shared_data: Path) -> None:
    """Kang et al. 2018: state moves everywhere, most in monocytes; abundance is nearly flat."""
    path = shared_data / "kang_ifnb.h5ad"
    if not path.is_file():
        pytest.skip(f"needs {path.name}")
    adata = ad.read_h5ad(path)
    counts = sp.csr_matrix(adata.X)
    adata.X = sp.csr_matrix(sp.diags(1e4 / counts.sum(axis=1).A1) @ counts).log1p()
    x = adata.X.toarray()
    x = x[:, np.argsort(-x.var(axis=0))[:2000]]
    x = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x)
    adata.obsm["X_pca"] = x @ vectors[:, np.argsort(-values)[:20]]
    call = {"condition_key": "condition", "source": "ctrl", "target": "stim"}
    cg.tl.fit(adata, **call, donor_key="donor", name_by="cell_type_coarse")
    cg.tl.genes(adata)

    factors = cg.get.factors(adata)
    large = factors[factors["share_source"] > 0.05]
    assert (large["log2_net"].abs() < 1).all()
    leaders = {"ISG15", "IFI6", "IFIT1", "IFIT2", "IFIT3", "ISG20", "MX1", "LY6E"}
    genes = cg.get.genes(adata)
    first = genes[genes["rank"] <= 20].groupby("name")["gene"].agg(set)
    assert np.median([len(leaders & found) for found in first]) >= 6
    assert set(genes.loc[genes["gene"].isin(leaders), "scope"]) == {"common"}
    main = cg.get.shifts(adata).query("share_of_source > 0.5").set_index("source")
    big = main.loc[[n for n in large["name"] if n in main.index], "total_shift_sd"]
    assert big.idxmax().startswith("CD14 Mono")
