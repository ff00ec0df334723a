"""Mistakes in calls that take AnnData objects. ``a`` is an object with a fit and gene changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg
from cgmm.pp import InputError
from tests.whole.bad.cases import Case

CALL = {"condition_key": "condition", "source": "control", "target": "treated"}
Change = Callable[[ad.AnnData], ad.AnnData | None]


def fit(change: Change | None = None, **options: Any) -> Callable[[ad.AnnData], object]:
    """Fit, after a change of the object."""
    return lambda a: cg.tl.fit(_changed(a, change), **{**CALL, "key_added": "new", **options})


def call(
    function: Callable[..., object], change: Change | None = None, **options: Any
) -> Callable[[ad.AnnData], object]:
    return lambda a: function(_changed(a, change), **options)


def targets(**options: Any) -> Callable[[ad.AnnData], object]:
    wanted = {"condition_key": "condition", "source": "control", **options}
    return lambda a: cg.tl.fit_targets(a, **wanted)


def _changed(a: ad.AnnData, change: Change | None) -> ad.AnnData:
    made = None if change is None else change(a)
    return a if made is None else made


def obs(name: str, values: Callable[[ad.AnnData], Any]) -> Change:
    def change(a: ad.AnnData) -> None:
        a.obs[name] = values(a)

    return change


def pca(values: Callable[[np.ndarray], Any]) -> Change:
    def change(a: ad.AnnData) -> None:
        a.obsm["X_pca"] = values(a.obsm["X_pca"].copy())

    return change


def spoiled(x: np.ndarray) -> np.ndarray:
    x[3, 0] = np.nan
    return x


def some_donors_missing(a: ad.AnnData) -> None:
    donors = a.obs["donor"].astype(object)
    donors.iloc[3] = np.nan
    a.obs["donor"] = donors


def column_twice(a: ad.AnnData) -> None:
    a.obs = pd.concat([a.obs, a.obs[["condition"]]], axis=1)


def one_side(a: ad.AnnData) -> ad.AnnData:
    return a[a.obs["condition"] == "control"].copy()


def few(a: ad.AnnData) -> ad.AnnData:
    return ad.concat([a[:20], a[a.obs["condition"] == "treated"]])


def no_x(a: ad.AnnData) -> ad.AnnData:
    return ad.AnnData(obs=a.obs, obsm={"X_pca": a.obsm["X_pca"]})


def table(*rows: tuple[str, ...]) -> pd.DataFrame:
    """Return a marker table."""
    columns = ["cell_type", "gene", "sign"]
    return pd.DataFrame([(*row, "")[:3] for row in rows], columns=columns)


def twice(a: ad.AnnData) -> None:
    for name in ("sex", "gender"):
        a.obs[name] = np.where(a.obs["donor"].isin(["D01", "D02", "D05", "D06"]), "f", "m")


def with_x(values: Callable[[ad.AnnData], Any]) -> Change:
    def change(a: ad.AnnData) -> None:
        a.X = values(a)

    return change


def without(slot: str, name: str) -> Change:
    def change(a: ad.AnnData) -> None:
        del getattr(a, slot)[name]

    return change


def uns(value: Any) -> Change:
    def change(a: ad.AnnData) -> None:
        a.uns["cgmm"] = value

    return change


def inside(name: str, value: Any = None) -> Change:
    def change(a: ad.AnnData) -> None:
        a.uns["cgmm"] = {k: v for k, v in a.uns["cgmm"].items() if k != name}
        if value is not None:
            a.uns["cgmm"][name] = value

    return change


def dense(a: ad.AnnData) -> np.ndarray:
    return a.X.toarray()


FIT = [
    Case("a path in place of an object", lambda a: cg.tl.fit("cells.h5ad", **CALL), "adata must be an AnnData object, not str", TypeError),
    Case("a matrix in place of an object", lambda a: cg.tl.fit(a.X, **CALL), "adata must be an AnnData object, not csr_matrix", TypeError),
    Case("the condition column misspelt", fit(condition_key="Condition"), "condition_key='Condition' is not a column of obs; there are 'condition'", KeyError),
    Case("no condition column", fit(condition_key=None), "condition_key=None is not a column of obs", KeyError),
    Case("a list for the condition column", fit(condition_key=["condition"]), "is not a column of obs", KeyError),
    Case("two columns of one name", fit(column_twice), "obs has 2 columns of this name", KeyError),
    Case("a condition in other case", fit(source="Control"), "Write it as 'control', with the same case and blanks"),
    Case("a condition with a blank behind", fit(target="treated "), "Write it as 'treated', with the same case and blanks"),
    Case("blanks in the data", fit(obs("condition", lambda a: (a.obs["condition"].astype(str) + " ").to_numpy(object))), "Write it as 'control ', with the same case and blanks"),
    Case("a condition that does not exist", fit(target="cured"), "target='cured' is not a condition: obs['condition'] has 'control', 'treated'"),
    Case("source = target", fit(target="control"), "source and target are both 'control'"),
    Case("too few cells", fit(few), "Condition 'control' has 20 cells; a fit needs at least 50"),
    Case("no cell at all", fit(lambda a: a[:0].copy()), "source='control' is not a condition: obs['condition'] has none"),
    Case("the representation misspelt", fit(use_rep="X_PCA"), "use_rep='X_PCA' is not in obsm; there are 'X_pca'", KeyError),
    Case("no representation", fit(without("obsm", "X_pca")), "Compute it (scanpy.pp.pca writes 'X_pca')", KeyError),
    Case("NaN in the representation", fit(pca(spoiled)), "X_pca has NaN or infinite values in 1 cells"),
    Case("text in the representation", fit(pca(lambda x: x.astype(str))), "X_pca must be a table of numbers"),
    Case("a complex representation", fit(pca(lambda x: x * 1j)), "X_pca must be a table of numbers"),
    Case("a representation of three dimensions", fit(pca(lambda x: x[:, :, None])), "X_pca must be a table of numbers, but has shape (1600, 6, 1)"),
    Case("a representation without columns", fit(pca(lambda x: x[:, :0])), "X_pca must be a table of numbers, but has shape (1600, 0)"),
    Case("a constant representation", fit(pca(np.ones_like)), "X_pca is the same for all 800 cells of condition 'control'"),
    Case("counts as the representation", fit(with_x(lambda a: a.layers["counts"]), use_rep="X"), "use_rep='X' holds only whole numbers, so it seems to be counts"),
    Case("no dimension", fit(n_dims=0), "n_dims (columns of X_pca) must be a whole number from 1 to 6, got 0"),
    Case("more dimensions than there are", fit(n_dims=99), "must be a whole number from 1 to 6, got 99"),
    Case("text for the number of dimensions", fit(n_dims="3"), "must be a whole number from 1 to 6, got '3'", TypeError),
    Case("the donor column misspelt", fit(donor_key="doner"), "donor_key='doner' is not a column of obs", KeyError),
    Case("cells without donor", fit(some_donors_missing, donor_key="donor"), "obs['donor'] is missing in 1 cells of the two conditions"),
    Case("each cell its own donor", fit(obs("donor", lambda a: a.obs_names), donor_key="donor"), "it seems to tell cells apart. A donor is the person or animal"),
    Case("paired is text", fit(paired="yes", donor_key="donor"), "paired must be True, False or None, got 'yes'", TypeError),
    Case("paired without donors", fit(paired=True), "paired=True needs donors: give donor_key"),
    Case("paired donors that are not", fit(paired=True, donor_key="donor"), "paired=True needs donors that are in both conditions"),
    Case("no component", fit(n_components=0), "n_components must be a whole number of at least 1, got 0"),
    Case("more components than cells", fit(n_components=10**6), "source: 800 points are fewer than 1000000 components"),
    Case("rho = 0", fit(rho=0), "rho must be positive, got 0"),
    Case("epsilon is text", fit(epsilon="small"), "epsilon must be positive and finite, got 'small'", TypeError),
    Case("a negative transport_weight", fit(transport_weight=-1), "transport_weight must be at least 0"),
    Case("a seed that is None", fit(random_state=None), "random_state must be a whole number", TypeError),
    Case("progress that is no function", fit(progress=True), "progress must be a function or None, got True", TypeError),
    Case("an empty key", fit(key_added=""), "key_added='' cannot name a field of an AnnData object"),
    Case("a key with a slash", fit(key_added="a/b"), "give a non-empty text without '/'"),
    Case("a key that is a number", fit(key_added=3), "key_added=3 cannot name a field"),
    Case("a key that is taken", fit(lambda a: a.uns.update(pca={"variance": 1}), key_added="pca"), "uns['pca'] holds something else than a fit, which would be lost"),
    Case("no marker table", fit(markers="no.tsv"), "no.tsv: the marker table cannot be read (No such file or directory). Correct `markers`", InputError),
    Case("a folder for the marker table", fit(markers="."), ".: it is a folder. Give the path of a tab-separated marker table", InputError),
    Case("a list for the marker table", fit(markers=["CD3D"]), "markers must be a path or a DataFrame, not list", TypeError),
    Case("an empty marker table", fit(markers=table()), "markers: the marker table is empty. Write one row per cell type and gene", InputError),
    Case("a marker table without genes", fit(markers=table(("T", "CD3D"))[["cell_type"]]), "markers: the column 'gene' is missing (columns: cell_type)", InputError),
    Case("a gene without a type", fit(markers=table(("", "CD3D"))), "markers, row 1: cell_type is empty. Fill it", InputError),
    Case("a sign that is none", fit(markers=table(("T", "CD3D", "high"))), "markers, row 1: the sign 'high' is neither + nor -. Correct it", InputError),
    Case("a gene with both signs", fit(markers=table(("T", "CD3D", "+"), ("T", "CD3D", "-"))), "markers, row 2: CD3D has both signs in 'T'. Remove one of the rows", InputError),
    Case("a type without a gene that is high", fit(markers=table(("T", "CD3D", "-"))), "markers: T has no gene with the sign +. Add one, or remove the type", InputError),
    Case("markers of other data", fit(markers=table(("T", "CD3D"))), "None of the genes of the marker table (CD3D) is in the data, whose genes are called", InputError),
    Case("markers without expression", fit(no_x, markers=table(("T", "ALPHA1"))), "markers needs log-normalised expression, which X does not hold"),
    Case("the column of names misspelt", fit(name_by="celltype"), "name_by='celltype' is not a column of obs", KeyError),
    Case("a layer that does not exist", fit(layer="logs"), "layer='logs' is not in layers; there are counts", KeyError),
    Case("expression of other cells", lambda a: cg.tl.fit(a, **CALL, expression=a[:10].copy()), "expression= lacks 1590 of the 1600 cells"),
    Case("a matrix for expression", lambda a: cg.tl.fit(a, **CALL, expression=a.X), "expression must be an AnnData object", TypeError),
    Case("a shared fit that does not exist", fit(share_source="first"), "uns has no fit called 'first': run cgmm.tl.fit", KeyError),
    Case("something else for a fit", lambda a: cg.tl.annotate(a, None, **CALL), "fit must be a CoupledFit", TypeError),
    Case("a fit of other dimension", lambda a: cg.tl.annotate(a, cg.get.fit(a), **CALL, n_dims=2), "The fit has 6 dimensions, but X_pca gives 2"),
    Case("target in place of targets", targets(target="treated"), "fit_targets takes targets=, a list", TypeError),
    Case("targets is a number", targets(targets=3), "targets must be a list of conditions, got 3", TypeError),
    Case("a target that does not exist", targets(targets=["Treated"]), "targets: 'Treated' is not a condition"),
    Case("the source among the targets", targets(targets=["treated", "control"]), "targets has 'control', the source"),
    Case("a target twice", targets(targets=["treated", "treated"]), "do not give different keys: name each once"),
    Case("no target", targets(targets=[]), "there is no target"),
]  # fmt: skip

AFTER = [
    Case("donors before a fit", call(cg.tl.donors, without("uns", "cgmm")), "uns has no fit called 'cgmm': run cgmm.tl.fit", KeyError),
    Case("donors of another key", call(cg.tl.donors, key="other"), "uns has no fit called 'other'", KeyError),
    Case("donors without an object", lambda a: cg.tl.donors(None), "adata must be an AnnData object, not NoneType", TypeError),
    Case("donors: column misspelt", call(cg.tl.donors, donor_key="doner"), "donor_key='doner' is not a column of obs", KeyError),
    Case("donors: each cell its own", call(cg.tl.donors, obs("who", lambda a: a.obs_names), donor_key="who"), "it seems to tell cells apart"),
    Case("a negative number of draws", call(cg.tl.donors, n_bootstrap=-1), "n_bootstrap must be a whole number of at least 0, got -1"),
    Case("a permutation test without exchanges", call(cg.tl.donors, test="permutation"), 'test="permutation" needs n_permutations'),
    Case("calibration with few donors", call(cg.tl.calibrate), "needs 6 of them; the source has"),
    Case("half a draw", call(cg.tl.donors, n_bootstrap=2.5), "n_bootstrap must be a whole number", TypeError),
    Case("a level in per cent", call(cg.tl.donors, level=95), "level=95 must lie between 0 and 1; 0.95 is usual"),
    Case("a level as text", call(cg.tl.donors, level="95%"), "level must be at least 0 and finite, got '95%'", TypeError),
    Case("a test that is not known", call(cg.tl.donors, test="wilcoxon"), "test='wilcoxon' is not known"),
    Case("a negative number of threads", call(cg.tl.donors, n_jobs=-1), "n_jobs must be a whole number of at least 1, got -1"),
    Case("a batch that is the condition", call(cg.tl.donors, batch_key="condition"), "condition is the same as the condition"),
    Case("a batch missing in some cells", call(cg.tl.donors, obs("who", lambda a: np.where(a.obs["donor"] == "D01", None, "one")), batch_key="who"), "obs['who'] is missing in 200 cells of the two conditions: give every cell a batch"),
    Case("a covariate that does not exist", call(cg.tl.donors, covariates=["sex"]), "covariates='sex' is not a column of obs", KeyError),
    Case("a confounder that does not exist", call(cg.tl.donors, confounders=["sex"]), "confounders='sex' is not a column of obs", KeyError),
    Case("a formula that is no text", call(cg.tl.donors, design=["condition"]), "design must be a formula as text", TypeError),
    Case("a formula without a tilde", call(cg.tl.donors, design="condition + donor"), "must start with '~'"),
    Case("a formula that ends early", call(cg.tl.donors, design="~ condition +"), "design='~ condition +' cannot be read"),
    Case("code in a formula", call(cg.tl.donors, design="~ condition + exit(age)"), "'exit(age)' is not allowed"),
    Case("a formula with an unknown column", call(cg.tl.donors, design="~ condition + sex"), "design='sex' is not a column of obs", KeyError),
    Case("a formula without the condition", call(cg.tl.donors, design="~ donor"), "design has no 'condition', the column of the conditions"),
    Case("a formula with a constant column", call(cg.tl.donors, obs("sex", lambda a: "f"), design="~ condition + sex"), "'sex' is f in every donor, so nothing can be adjusted for it"),
    Case("a covariate with missing values", call(cg.tl.donors, obs("age", lambda a: np.where(a.obs["donor"] == "D01", np.nan, 40.0)), design="~ condition + age"), "'age' is missing for 1 of 8 donors"),
    Case("a covariate that changes within a donor", call(cg.tl.donors, obs("age", lambda a: np.arange(a.n_obs) % 2), design="~ condition + age"), "obs['age'] must be the same in all cells of a donor in a condition"),
    Case("a covariate that is the condition", call(cg.tl.donors, obs("site", lambda a: a.obs["condition"].map({"control": "east", "treated": "west"})), design="~ condition + site"), "site cannot be told from condition"),
    Case("two covariates that are one", call(cg.tl.donors, twice, design="~ condition + sex + gender"), "sex and gender say the same"),
    Case("more parameters than donors", call(cg.tl.donors, design="~ condition + donor"), "has 9 parameters, but there are only 8 donors"),
    Case("an interaction with an empty cell", call(cg.tl.donors, obs("sex", lambda a: np.where(a.obs["donor"].isin(["D01", "D02"]), "f", "m")), design="~ condition * sex"), "no donor has condition treated and sex f"),
    Case("a design and covariates", call(cg.tl.donors, design="~ condition", covariates=["donor"]), "Give either design or covariates"),
    Case("samples that do not exist", call(cg.tl.donors, sample_key="biopsy"), "sample_key='biopsy' is not a column of obs", KeyError),
    Case("genes: a formula with an unknown column", call(cg.tl.genes, de=True, design="~ condition + sex"), "design='sex' is not a column of obs", KeyError),
    Case("a baseline that does not exist", call(cg.tl.donors, baseline="B cells"), "baseline='B cells' is neither"),
    Case("counts without their column", call(cg.tl.donors, baseline="counts"), "needs counts_key"),
    Case("text for counts", call(cg.tl.donors, baseline="counts", counts_key="condition"), "must be one positive number for all cells of a donor"),
    Case("donors of half the cells", call(cg.tl.donors, one_side), "target='treated' is not a condition"),
    Case("genes before a fit", call(cg.tl.genes, without("uns", "cgmm")), "uns has no fit called 'cgmm'", KeyError),
    Case("genes: counts", call(cg.tl.genes, layer="counts"), "Expression holds only whole numbers, so it seems to be counts"),
    Case("genes: scaled values", call(cg.tl.genes, with_x(lambda a: dense(a) - 1.0)), "Expression holds negative values, as scaled data do"),
    Case("genes: NaN", call(cg.tl.genes, with_x(lambda a: dense(a) * np.nan)), "Expression holds NaN or infinite values"),
    Case("genes: no gene", call(cg.tl.genes, lambda a: a[:, :0].copy()), "The object has no X"),
    Case("genes: layer misspelt", call(cg.tl.genes, layer="logs"), "layer='logs' is not in layers", KeyError),
    Case("genes: symbols misspelt", call(cg.tl.genes, gene_symbols="symbol"), "gene_symbols='symbol' is not a column of var", KeyError),
    Case("genes: none wanted", call(cg.tl.genes, n_genes=0), "n_genes must be a whole number of at least 1, got 0"),
    Case("genes: a fraction in per cent", call(cg.tl.genes, min_fraction=10), "min_fraction=10 must lie between 0 and 1"),
    Case("genes: responsibilities lost", call(cg.tl.genes, without("obsm", "cgmm_responsibilities")), "obsm['cgmm_responsibilities'] is missing", KeyError),
    Case("gene sets: no file", call(cg.tl.gene_sets, sets="no.gmt"), "no.gmt: the gene sets cannot be read (No such file or directory)", InputError),
    Case("gene sets: a list", call(cg.tl.gene_sets, sets=["RESP01"]), "gene_sets must be the path of a GMT file, or a mapping", TypeError),
    Case("gene sets: genes in one text", call(cg.tl.gene_sets, sets={"A": "RESP01"}), "the genes of 'A' are one text. Give a list of genes", InputError),
    Case("gene sets: none", call(cg.tl.gene_sets, sets={}), "there is no gene set in it. Write one set per line", InputError),
    Case("gene sets of other data", call(cg.tl.gene_sets, sets={"A": ["ENSG1"]}), "take sets with the gene names of the data", InputError),
    Case("gene sets before a fit", call(cg.tl.gene_sets, without("uns", "cgmm"), sets={}), "uns has no fit called 'cgmm'", KeyError),
    Case("gene set tables before tl.gene_sets", call(cg.get.gene_sets), "run cgmm.tl.gene_sets", KeyError),
    Case("tables before a fit", call(cg.get.factors, without("uns", "cgmm")), "uns has no fit called 'cgmm': run cgmm.tl.fit", KeyError),
    Case("tables without an object", lambda a: cg.get.factors(None), "adata must be an AnnData object, not NoneType", TypeError),
    Case("tables of something else", call(cg.get.factors, uns("text")), "uns has no fit called 'cgmm'", KeyError),
    Case("tables of half a fit", call(cg.get.factors, inside("coupling")), "uns['cgmm'] lacks coupling, so it is not a whole fit", KeyError),
    Case("populations of one condition alone", call(cg.get.populations, lambda a: a[(a.obs["condition"] == "control").to_numpy()].copy(), by="donor"), "No cell of the target 'treated' is left in the object"),
    Case("damaged parameters", call(cg.get.params, inside("params", "{")), "uns['cgmm']['params'] is damaged"),
    Case("an annotation that does not exist", call(cg.get.factors, by="celltype"), "by='celltype' is not a column of obs", KeyError),
    Case("a list of annotations", call(cg.get.transfers, by=["cell_type"]), "is not a column of obs", KeyError),
    Case("an annotation of half the cells", call(cg.get.factors, one_side, by="cell_type"), "The object has no cells of the target 'treated'"),
    Case("an annotation without the conditions", call(cg.get.factors, without("obs", "condition"), by="cell_type"), "condition_key='condition' is not a column of obs", KeyError),
    Case("a level that does not exist", call(cg.get.factors, level="cell"), "level='cell' is not known: give 'population' or 'state'."),
    Case("figures of a level that does not exist", call(cg.pl.flow, level="cell"), "level='cell' is not known: give 'population' or 'state'."),
    Case("a level and sums", call(cg.pl.factors, level="population", by="cell_type"), "Give level='population' or by=, not both"),
    Case("gene tables before tl.genes", call(cg.get.genes, inside("genes")), "run cgmm.tl.genes", KeyError),
    Case("donor shifts before tl.donors", call(cg.get.donor_shifts), "run cgmm.tl.donors", KeyError),
    Case("a gene that does not exist", call(cg.get.projected, genes=["NOPE"]), "1 of 1 genes are not in var_names, such as 'NOPE'", KeyError),
    Case("no list of genes", call(cg.get.projected, genes=None), "genes must be a name or a list of names, got None", TypeError),
    Case("a comparison of nothing", call(cg.get.compare), "run cgmm.tl.fit_targets, or give keys", KeyError),
    Case("a comparison of what does not exist", call(cg.get.compare, keys="first"), "uns has no fit called 'first'", KeyError),
    Case("figures before a fit", call(cg.pl.flow, without("uns", "cgmm")), "uns has no fit called 'cgmm'", KeyError),
    Case("a colour that is not known", call(cg.pl.flow, color="red"), "color='red' must be one of"),
    Case("values that are not known", call(cg.pl.transfers, values="share"), "values='share' must be one of share_of_source, share_of_target"),
    Case("a map that does not exist", call(cg.pl.embedding), "basis='X_umap' is not in obsm", KeyError),
    Case("dimensions that do not exist", call(cg.pl.components, dims=(0, 99)), "dims=(0, 99) must be two different numbers from 0 to 5"),
    Case("one dimension", call(cg.pl.components, dims=(0,)), "dims=(0,) must be two different numbers"),
    Case("text for dimensions", call(cg.pl.components, dims="01"), "dims=01 must be two different numbers"),
    Case("something else for axes", call(cg.pl.factors, ax=3), "ax must be matplotlib Axes, got int", TypeError),
    Case("alternatives that were not made", call(cg.pl.sensitivity), "The fit has no alternatives"),
    Case("no column of panels", call(cg.pl.donors, n_columns=0), "n_columns must be a whole number of at least 1, got 0"),
]  # fmt: skip
