"""Reading, checking, joining, normalising and embedding samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata.io import read_elem, write_elem

from cgmm._utils.files import write_h5ad
from cgmm.pp import (
    InputError,
    Sample,
    check_annotation,
    check_samples,
    embed,
    join_samples,
    normalise,
    quality_control,
)
from cgmm.pp._embed import select_genes
from cgmm.simulate import counts

GENES = [f"GENE{i:03d}" for i in range(60)]


def small(n_cells: int = 40, *, genes: list[str] = GENES, seed: int = 0) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    values = rng.poisson(1.5, size=(n_cells, len(genes))).astype(np.float32)
    return ad.AnnData(
        X=sp.csr_matrix(values),
        obs=pd.DataFrame(
            {"library": np.where(np.arange(n_cells) % 2, "L1", "L2").astype(object)},
            index=pd.Index([f"cell{i}-1" for i in range(n_cells)], dtype=object),
        ),
        var=pd.DataFrame(index=pd.Index(genes, dtype=object)),
    )


def saved(folder: Path, name: str, adata: ad.AnnData, **fields: str) -> Sample:
    path = folder / f"{name}.h5ad"
    write_h5ad(adata, path)
    return Sample(**{"sample": name, "path": str(path), "condition": f"condition {name}", **fields})


@pytest.fixture
def pair(tmp_path: Path) -> list[Sample]:
    return [saved(tmp_path, "a", small(seed=1)), saved(tmp_path, "b", small(seed=2))]


def problems(samples: list[Sample], **options: object) -> str:
    with pytest.raises(InputError) as caught:
        check_samples(samples, **options)
    assert len(caught.value.problems) >= 1
    assert all(p.rstrip().endswith((".", ")")) for p in caught.value.problems)
    return str(caught.value)


# --- check ----------------------------------------------------------------------------------------


def test_check_returns_what_it_saw(pair: list[Sample]) -> None:
    facts = check_samples(pair)
    assert [s["sample"] for s in facts["samples"]] == ["a", "b"]
    assert [s["n_cells_read"] for s in facts["samples"]] == [40, 40]
    assert all(len(s["sha256"]) == 64 for s in facts["samples"])
    assert facts["genes"] == {"n_shared": 60, "share_of_smallest": 1.0}
    assert facts["notices"] == []
    assert facts["truth"] is None


def test_check_brings_along_source_and_truth(tmp_path: Path) -> None:
    adata = small()
    adata.uns["data_source"] = {"text": "t", "licence": "l", "citation": "c"}
    adata.uns["truth"] = {"names": np.array(["x", "y"]), "log2_net": np.array([1.0, -1.0])}
    facts = check_samples([saved(tmp_path, "a", adata)])
    assert facts["data_source"]["licence"] == "l"
    assert list(facts["truth"]["log2_net"]) == [1.0, -1.0]


def test_missing_file(pair: list[Sample]) -> None:
    text = problems([pair[0], replace(pair[1], path="nowhere.h5ad")])
    assert "nowhere.h5ad" in text
    assert "does not exist" in text


@pytest.mark.parametrize("length", [0, 100, 3000])
def test_damaged_file(pair: list[Sample], length: int) -> None:
    path = Path(pair[1].path)
    path.write_bytes(path.read_bytes()[:length])
    text = problems(pair)
    assert str(path) in text
    assert "damaged" in text


def test_hdf5_without_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    assert "no `obs` table" in problems([Sample(sample="x", path=str(path), condition="c")])


def test_damaged_block_inside_a_file(tmp_path: Path) -> None:
    sample = saved(tmp_path, "a", small(2000))
    path = Path(sample.path)
    with h5py.File(path) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 200] = b"\x00" * 200
    path.write_bytes(bytes(content))
    assert "damaged" in problems([sample])


def test_unknown_column(pair: list[Sample]) -> None:
    text = problems([replace(pair[0], obs_column="libary", obs_value="L1")])
    assert "no column 'libary' (columns: library)" in text


def test_sample_without_cells(pair: list[Sample]) -> None:
    text = problems([replace(pair[0], obs_column="library", obs_value="L3")])
    assert "no cells" in text
    assert "L1, L2" in text


def test_file_without_cells(tmp_path: Path) -> None:
    assert "no cells" in problems([saved(tmp_path, "a", small()[:0].copy())])


def test_unknown_layer_column_and_embedding(pair: list[Sample]) -> None:
    assert "no layer 'counts' (layers: none)" in problems(pair, counts_layer="counts")
    assert "var has no column 'symbol'" in problems(pair, gene_column="symbol")
    assert "obs has no column 'type'" in problems(pair, annotation_keys=["type"])
    with pytest.raises(InputError, match="obs has no column 'type'"):
        check_annotation([sample.path for sample in pair], annotation_key="type")
    assert "obsm has no 'X_scVI'" in problems(pair, use_rep="X_scVI")


def test_file_without_x(tmp_path: Path) -> None:
    adata = small()
    layers = {"raw": adata.X}
    sample = saved(tmp_path, "a", ad.AnnData(obs=adata.obs, var=adata.var, layers=layers))
    assert "there is no X (layers: raw)" in problems([sample])
    assert check_samples([sample], counts_layer="raw")["samples"][0]["n_cells_read"] == 40


def _change(sample: Sample, change: object) -> Sample:
    with h5py.File(sample.path, "a") as file:
        matrix = read_elem(file["X"])
        del file["X"]
        write_elem(file, "X", change(matrix))
    return sample


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.log1p(), "look like logarithms"),
        (lambda x: x.multiply(31.7).tocsr(), "look normalised"),
        (lambda x: x - sp.csr_matrix(np.full(x.shape, 3.0)), "negative values"),
        (lambda x: x.multiply(np.nan).tocsr(), "missing or infinite"),
        (lambda x: x.multiply(0).tocsr(), "all zero"),
        (lambda x: np.log1p(x.toarray()), "look like logarithms"),
        (lambda x: x.log1p().tocsc(), "look like logarithms"),
    ],
)
def test_values_that_are_not_counts(pair: list[Sample], change: object, words: str) -> None:
    text = problems([pair[0], _change(pair[1], change)])
    assert words in text
    assert pair[1].path in text
    assert "counts_layer" in text
    with pytest.raises(InputError, match=words):
        join_samples(pair)


def test_duplicate_barcodes(tmp_path: Path) -> None:
    adata = small()
    names = np.array(adata.obs_names, dtype=object)
    names[:3] = "AAAC-1"
    sample = saved(tmp_path, "a", adata)
    with h5py.File(sample.path, "a") as file:
        del file["obs/_index"]
        write_elem(file["obs"], "_index", names)
    text = problems([sample])
    assert "3 cells" in text
    assert "AAAC-1" in text
    # three libraries joined in one file are fine when each is a sample of its own
    parts = [
        replace(sample, sample=v, obs_column="library", obs_value=v, condition=v)
        for v in ("L1", "L2")
    ]
    assert "Sample L2" in problems(parts)  # cells 0 and 2
    assert "Sample L1" not in problems(parts)


def test_duplicate_sample_names(pair: list[Sample]) -> None:
    assert "a is used more than once" in problems([pair[0], replace(pair[1], sample="a")])


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        ([f"ENSG{i:011d}" for i in range(60)], "Ensembl ids, the other gene symbols"),
        ([g.capitalize() for g in GENES], "upper and lower case"),
        ([f"OTHER{i}" for i in range(60)], "one species"),
    ],
)
def test_genes_that_do_not_overlap(tmp_path: Path, genes: list[str], words: str) -> None:
    pair = [saved(tmp_path, "a", small()), saved(tmp_path, "b", small(genes=genes))]
    text = problems(pair)
    assert words in text
    assert "share only 0 of 60" in text


def test_version_suffixes(tmp_path: Path) -> None:
    ids = [f"ENSG{i:011d}" for i in range(60)]
    pair = [
        saved(tmp_path, "a", small(genes=[f"{g}.1" for g in ids])),
        saved(tmp_path, "b", small(genes=[f"{g}.2" for g in ids])),
    ]
    assert "version suffix" in problems(pair)


def test_gene_column_makes_files_meet(tmp_path: Path) -> None:
    other = small(genes=[f"ENSG{i:011d}" for i in range(60)], seed=1)
    other.var["symbol"] = np.array(GENES, dtype=object)
    first = small()
    first.var["symbol"] = np.array(GENES, dtype=object)
    pair = [saved(tmp_path, "a", first), saved(tmp_path, "b", other)]
    assert check_samples(pair, gene_column="symbol")["genes"]["n_shared"] == 60
    assert list(join_samples(pair, gene_column="symbol").var_names) == GENES


def test_partial_overlap_and_repeated_names_are_noted(tmp_path: Path) -> None:
    genes = [*GENES[:30], *[f"OTHER{i}" for i in range(30)]]
    pair = [saved(tmp_path, "a", small()), saved(tmp_path, "b", small(genes=genes, seed=1))]
    facts = check_samples(pair)
    assert facts["genes"]["share_of_smallest"] == 0.5
    assert facts["notices"][0]["level"] == "warning"
    adata = small()
    adata.var["symbol"] = np.array(["SAME", "SAME", *GENES[2:]], dtype=object)
    again = saved(tmp_path, "c", adata)
    assert (
        "more than once (SAME)"
        in check_samples([again], gene_column="symbol")["notices"][0]["text"]
    )
    assert "SAME-1" in join_samples([again], gene_column="symbol").var_names


def test_every_problem_at_once(pair: list[Sample]) -> None:
    text = problems(
        [_change(pair[0], lambda x: x.log1p()), replace(pair[1], path="nowhere.h5ad")],
        annotation_keys=["type"],
    )
    assert "logarithms" in text
    assert "nowhere" in text
    assert "'type'" in text


# --- join, quality control, normalise -------------------------------------------------------------


def test_join_keeps_values_names_and_order(pair: list[Sample]) -> None:
    donors = [replace(s, donor=f"d{i}") for i, s in enumerate(pair)]
    adata = join_samples(donors)
    assert adata.shape == (80, 60)
    assert adata.obs_names.is_unique
    assert adata.obs_names[0] == "cell0-1-a"
    assert adata.obs["barcode"].iloc[0] == "cell0-1"
    assert list(adata.obs["condition"].cat.categories) == ["condition a", "condition b"]
    assert list(adata.obs["donor"].cat.categories) == ["d0", "d1"]
    assert "batch" not in adata.obs
    assert "library" in adata.obs
    np.testing.assert_array_equal(adata.X.toarray()[:40], small(seed=1).X.toarray())


def test_join_puts_genes_in_one_order(tmp_path: Path) -> None:
    first, second = small(seed=1), small(seed=2)
    pair = [saved(tmp_path, "a", first), saved(tmp_path, "b", second[:, ::-1].copy())]
    adata = join_samples(pair)
    assert list(adata.var_names) == GENES
    np.testing.assert_array_equal(adata.X.toarray()[40:], second.X.toarray())


def test_one_file_with_several_samples(pair: list[Sample]) -> None:
    one = [
        replace(pair[0], sample=v, obs_column="library", obs_value=v, condition=v)
        for v in ("L2", "L1")
    ]
    adata = join_samples(one)
    assert list(adata.obs["sample"].cat.categories) == ["L2", "L1"]
    assert (adata.obs["sample"].astype(str) == adata.obs["library"].astype(str)).all()


def test_odd_columns_survive_writing(tmp_path: Path) -> None:
    adata = small()
    adata.obs["flag"] = np.arange(40) % 2 == 0
    adata.obs["n"] = np.arange(40)
    adata.obs["score"] = np.linspace(0, 1, 40)
    adata.obs["kind"] = pd.Categorical(["x", None] * 20)
    adata.obs["condition"] = "from the file"
    other = small(seed=1)
    other.obs = adata.obs.copy()
    joined = join_samples([saved(tmp_path, "a", adata), saved(tmp_path, "b", other)])
    write_h5ad(joined, tmp_path / "joined.h5ad")
    back = ad.read_h5ad(tmp_path / "joined.h5ad")
    assert back.obs["flag"].dtype == bool
    assert back.obs["n"].dtype == np.int64
    assert set(back.obs["kind"].astype(str)) == {"x", ""}
    assert set(back.obs["condition"].astype(str)) == {"condition a", "condition b"}


def test_quality_control_counts_by_hand(pair: list[Sample]) -> None:
    adata = join_samples(pair)
    dense = adata.X.toarray()
    genes = (dense > 0).sum(axis=1)
    limit = int(np.median(genes))
    table = quality_control(adata, min_genes=limit, min_cells=1)
    keep = genes >= limit
    assert list(table["n_cells_read"]) == [40, 40]
    assert list(table["n_cells_kept"]) == [keep[:40].sum(), keep[40:].sum()]
    assert table["median_counts"].iloc[0] == np.median(dense[:40][keep[:40]].sum(axis=1))


def test_mitochondrial_limit(tmp_path: Path) -> None:
    adata = counts(n_cells=300, n_genes=160, n_donors=2, random_state=1)
    joined = join_samples([saved(tmp_path, "a", adata)])
    everything = quality_control(joined.copy(), min_genes=1, min_cells=1)
    limit = float(everything["median_pct_mt"].iloc[0])
    assert 0 < limit < 20
    half = quality_control(joined, min_genes=1, min_cells=1, max_pct_mt=limit)
    assert half["n_cells_kept"].iloc[0] == pytest.approx(150, abs=2)


def test_nothing_left_is_said(pair: list[Sample]) -> None:
    with pytest.raises(InputError, match=r"No cell of a, b passes .*min_genes \(61\)"):
        quality_control(join_samples(pair), min_genes=61)
    with pytest.raises(InputError, match=r"qc\.min_cells"):
        quality_control(join_samples(pair), min_genes=1, min_cells=1000)


def test_a_category_without_cells_is_no_sample() -> None:
    """As it is left over when an object was cut."""
    adata = counts(n_cells=400, n_genes=200, n_donors=2, random_state=1)
    normalise(adata)
    select_genes(adata, n_top_genes=50)
    chosen = adata.var["highly_variable"].copy()
    names = adata.obs["sample"]
    adata.obs["sample"] = names.cat.add_categories(["absent"])
    select_genes(adata, n_top_genes=50)
    assert (adata.var["highly_variable"] == chosen).all()
    adata.obs["sample"] = names.cat.add_categories(["absent"])
    adata.X = adata.layers["counts"]
    table = quality_control(adata, min_genes=10, min_cells=3)
    assert list(table["sample"]) == list(names.cat.categories)


def test_normalise_is_log1p_of_ten_thousand(pair: list[Sample]) -> None:
    adata = join_samples(pair)
    raw = adata.X.toarray()
    normalise(adata)
    np.testing.assert_array_equal(adata.layers["counts"].toarray(), raw)
    np.testing.assert_allclose(np.expm1(adata.X.toarray()).sum(axis=1), 1e4, rtol=1e-4)
    assert "log1p" not in adata.uns


# --- embed ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    folder = tmp_path_factory.mktemp("embed")
    adata = counts(n_cells=400, n_genes=300, n_donors=2, random_state=0)
    base = saved(folder, "x", adata)
    names = list(dict.fromkeys(adata.obs["sample"].astype(str)))
    samples = [
        replace(
            base,
            sample=name,
            condition=name.split("_")[0],
            donor=name.split("_")[1],
            batch="AB"[i % 2],
            obs_column="sample",
            obs_value=name,
        )
        for i, name in enumerate(names)
    ]
    joined = join_samples(samples)
    quality_control(joined, min_genes=10, min_cells=3)
    normalise(joined)
    return joined


def test_embed_is_repeatable_and_signed(simulated: ad.AnnData) -> None:
    first, second = simulated.copy(), simulated.copy()
    facts = embed(first, n_top_genes=250, n_pcs=8, n_dims=5)
    embed(second, n_top_genes=250, n_pcs=8, n_dims=5)
    for key in ("X_pca", "X_umap"):
        np.testing.assert_array_equal(first.obsm[key], second.obsm[key])
    assert facts["use_rep"] == "X_pca"
    assert facts["n_dims"] == 5
    assert facts["n_genes_used"] == first.var["highly_variable"].sum() == 250
    assert first.obsm["X_pca"].shape == (first.n_obs, 8)
    loadings = first.varm["PCs"]
    assert (loadings[np.abs(loadings).argmax(axis=0), np.arange(8)] > 0).all()
    # principal components are centred, uncorrelated, and explain what is recorded
    cov = np.cov(first.obsm["X_pca"].T.astype(float))
    np.testing.assert_allclose(cov - np.diag(np.diag(cov)), 0, atol=1e-2 * cov.max())
    assert np.all(np.diff(facts["variance_ratio"]) <= 0)
    # the projection is the one that loadings describe
    dense = first.X.toarray().astype(float)
    np.testing.assert_allclose(
        (dense - dense.mean(axis=0)) @ loadings, first.obsm["X_pca"], atol=1e-2
    )


def test_given_representation_is_not_touched(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    given = np.random.default_rng(0).normal(size=(adata.n_obs, 6)).astype(np.float32)
    adata.obsm["X_scVI"] = given.copy()
    facts = embed(adata, use_rep="X_scVI", n_dims=20, integrate="none")
    assert facts["use_rep"] == "X_scVI"
    assert facts["n_dims"] == 6
    assert facts["variance_ratio"] is None
    assert "X_pca" not in adata.obsm
    np.testing.assert_array_equal(adata.obsm["X_scVI"], given)


def test_harmony_removes_a_batch_offset(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    in_b = (adata.obs["batch"] == "B").to_numpy()
    dense = adata.X.toarray()
    dense[np.ix_(in_b, np.arange(0, adata.n_vars, 3))] += 0.3
    adata.X = sp.csr_matrix(dense)
    facts = embed(adata, n_pcs=8, n_dims=8, integrate="harmony")
    assert facts["use_rep"] == "X_pca_harmony"
    assert [n["level"] for n in facts["notices"]] == ["info"]

    def gap(points: np.ndarray) -> float:
        between = np.linalg.norm(points[in_b].mean(axis=0) - points[~in_b].mean(axis=0))
        return float(between / points.std())

    assert gap(adata.obsm["X_pca_harmony"]) < 0.5 * gap(adata.obsm["X_pca"])


def test_harmony_says_when_it_removes_the_condition(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    adata.obs["batch"] = adata.obs["condition"]
    facts = embed(adata, n_pcs=5, n_dims=5, integrate="harmony")
    assert facts["notices"][-1]["level"] == "warning"
    assert "between the conditions too" in facts["notices"][-1]["text"]


def test_harmony_without_batches_is_refused(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    adata.obs["batch"] = "one"
    with pytest.raises(InputError, match="at least two batches"):
        embed(adata, n_pcs=5, integrate="harmony")
    del adata.obs["batch"]
    with pytest.raises(InputError, match="column `batch`"):
        embed(adata, n_pcs=5, integrate="harmony")


def test_cytometry_stays_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 7)).astype(np.float32)
    adata = ad.AnnData(
        X=values,
        obs=pd.DataFrame(index=pd.Index([f"e{i}" for i in range(120)], dtype=object)),
        var=pd.DataFrame(index=pd.Index([f"CD{i}" for i in range(7)], dtype=object)),
    )
    other = adata.copy()
    other.X = rng.normal(size=(120, 7)).astype(np.float32)
    pair = [saved(tmp_path, "a", adata), saved(tmp_path, "b", other)]
    assert "negative values" in problems(pair)
    check_samples(pair, modality="cytometry")
    joined = join_samples(pair, modality="cytometry")
    table = quality_control(joined, modality="cytometry")
    normalise(joined, modality="cytometry")
    np.testing.assert_array_equal(joined.X[:120], values)
    assert list(table["n_cells_kept"]) == [120, 120]
    facts = embed(joined, modality="cytometry")
    assert facts["n_dims"] == 7
    # a full rotation keeps all distances: nothing is lost
    centred = joined.X - joined.X.mean(axis=0)
    np.testing.assert_allclose(
        np.linalg.norm(joined.obsm["X_pca"], axis=1), np.linalg.norm(centred, axis=1), rtol=1e-4
    )


def test_too_little_for_principal_components(pair: list[Sample]) -> None:
    adata = join_samples(pair)[:2].copy()
    normalise(adata)
    with pytest.raises(InputError, match="too few"):
        embed(adata)
