"""Values of genes in every donor: means of cells, in log2, of donors with enough cells."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from matplotlib.figure import Figure

import cgmm as cg
from cgmm.tl._gene_tables import leading_genes


def test_values_are_means_of_the_cells_of_a_donor(populated: ad.AnnData) -> None:
    cg.tl.genes(populated)
    table = cg.get.gene_donors(populated)
    genes = list(dict.fromkeys(cg.get.genes(populated)["gene"]))
    assert set(table["gene"]) <= set(genes)
    one = cg.get.gene_donors(populated, genes[0])
    assert set(one["gene"]) == {genes[0]}
    params = cg.get.params(populated)
    labels = cg.get._populations.population_column(populated)
    x = populated[:, genes[0]].X
    x = np.asarray(x.todense() if hasattr(x, "todense") else x).ravel()
    n_missing = 0
    for row in one.itertuples():
        cells = (
            (populated.obs[labels].astype(str) == row.name)
            & (populated.obs["condition"].astype(str) == params[row.side])
            & (populated.obs["donor"].astype(str) == row.donor)
        ).to_numpy()
        if cells.sum() < 10:
            n_missing += 1
            assert np.isnan(row.mean)
        else:
            assert row.mean == pytest.approx(x[cells].mean() / np.log(2), rel=1e-5, abs=1e-6)
    assert n_missing < len(one)


def test_a_gene_that_was_not_kept_has_a_sentence(populated: ad.AnnData) -> None:
    del populated.uns["cgmm"]["genes"]
    with pytest.raises(KeyError, match=r"has no gene changes: run cgmm\.tl\.genes"):
        cg.get.gene_donors(populated, "A")
    cg.tl.genes(populated)
    gene = cg.get.genes(populated)["gene"].iloc[0]
    with pytest.raises(KeyError, match=f"is not among the .*did you mean '{gene}'"):
        cg.get.gene_donors(populated, gene + "x")


def test_without_donors_there_are_no_values(populated: ad.AnnData, call: dict) -> None:
    cg.tl.annotate(populated, cg.get.fit(populated), **call)
    cg.tl.genes(populated)
    assert cg.get.gene_donors(populated).empty
    with pytest.raises(ValueError, match="The fit had no donors: give donor_key"):
        cg.pl.gene(populated, str(cg.get.genes(populated)["gene"].iloc[0]))


def test_the_figure_has_a_panel_for_every_population(populated: ad.AnnData) -> None:
    cg.tl.genes(populated)
    gene = str(cg.get.genes(populated)["gene"].iloc[0])
    figure = cg.pl.gene(populated, gene)
    assert figure.get_supylabel().startswith("mean log2 expression")
    assert isinstance(figure, Figure)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == cg.get.gene_donors(populated)["name"].nunique()
    assert figure.get_suptitle() == gene
    drawn = sum(
        len(line.get_xdata()) for ax in shown for line in ax.lines if line.get_marker() == "o"
    )
    assert drawn == cg.get.gene_donors(populated, gene)["mean"].notna().sum()


def test_kept_genes_lead_by_size_or_by_p_and_are_not_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    ranks = np.stack([rng.permutation(5000) + 1.0 for _ in range(30)])
    p = rng.uniform(size=ranks.shape)
    p[0, 7], ranks[0, 7] = 1e-12, 4000
    few = leading_genes(ranks[:1], p[:1], 40)
    assert few[ranks[0] <= 40].all()
    assert few[7]
    assert 40 < few.sum() <= 60
    many = leading_genes(ranks, p, 200)
    assert many.sum() <= 3000
    assert many[(ranks <= 20).any(axis=0)].all()
    ranks[:, 3] = np.inf
    assert not leading_genes(ranks, np.full_like(p, np.nan), 200)[3]
