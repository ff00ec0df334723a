"""Every cell counts once, whatever the files are called."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from cgmm.pp import InputError, check_samples, join_samples, prepare_lazily
from tests.pp.made import saved, small


def renamed_cells(adata, prefix: str):
    adata = adata.copy()
    adata.obs_names = [f"{prefix}{i}" for i in range(adata.n_obs)]
    return adata


def test_the_same_names_of_other_cells_are_no_problem(tmp_path: Path) -> None:
    pair = [saved(tmp_path, "a", small(seed=1)), saved(tmp_path, "b", small(seed=2))]
    assert check_samples(pair)["notices"] == []


@pytest.mark.parametrize("form", ["csr", "csc", "dense"])
def test_cells_of_one_file_in_another_are_found_by_their_values(tmp_path: Path, form: str) -> None:
    one = small(seed=1)
    two = small(seed=1)[10:, ::-1].copy()
    two.X = {"csr": two.X.tocsr, "csc": two.X.tocsc, "dense": two.X.toarray}[form]()
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    with pytest.raises(InputError, match="Samples a and b hold the same cells: 30 names"):
        check_samples(pair)


def test_copies_under_other_names_are_found_when_values_are_read(tmp_path: Path) -> None:
    one = small(seed=1)
    two = renamed_cells(small(seed=1)[30:, ::-1].copy(), "other")
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    check_samples(pair)  # names differ: only all values can tell
    with pytest.raises(InputError, match=r"10 cells of .* have exactly the counts"):
        join_samples(pair)
    with pytest.raises(InputError, match=r"10 cells of .* have exactly the counts"):
        prepare_lazily(pair, tmp_path / "p.h5ad", min_genes=1, min_cells=1)


def test_empty_cells_are_no_copies(tmp_path: Path) -> None:
    one, two = small(seed=1), small(seed=2)
    for adata in (one, two):
        values = adata.X.toarray()
        values[:20] = 0
        values[:20, 0] = 1
        adata.X = type(adata.X)(values)
    pair = [saved(tmp_path, "a", one), saved(tmp_path, "b", two)]
    check_samples(pair)
    assert join_samples(pair).n_obs == 80


def test_many_samples_of_one_file_take_time_for_their_cells_only(tmp_path: Path) -> None:
    """The columns and names of a file are read once, not once for each sample."""
    import h5py

    from cgmm.pp import Sample

    adata = small(400)
    adata.obs["donor_of"] = np.repeat([f"D{i:03d}" for i in range(40)], 10)
    path = saved(tmp_path, "a", adata).path
    reads = 0
    original = h5py.Dataset.__getitem__

    def counted(self, *args: object, **kwargs: object):
        nonlocal reads
        reads += self.name.startswith("/obs")
        return original(self, *args, **kwargs)

    samples = [
        Sample(sample=d, path=path, condition="c", obs_column="donor_of", obs_value=d)
        for d in dict.fromkeys(adata.obs["donor_of"])
    ]
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h5py.Dataset, "__getitem__", counted)
        for part in (samples[:5], samples):
            reads = 0
            check_samples(part)
            found.append(reads)
    assert found[0] == found[1] > 0


def test_cells_that_a_sample_holds_twice_are_found(tmp_path: Path) -> None:
    """As after a join of a file with itself, which makes the names unique."""
    adata = small(seed=1)
    twice = ad.concat([adata, renamed_cells(adata, "again")])
    twice.obs["arm"] = np.repeat(["one", "two"], 40)
    sample = saved(tmp_path, "a", twice)
    for read in (join_samples, lambda s: prepare_lazily(s, tmp_path / "p.h5ad", min_genes=1)):
        with pytest.raises(InputError, match=r"Sample a: 40 cells of .* counts of another cell"):
            read([sample])


def test_copies_of_events_under_other_names_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    adata = small(genes=["CD3", "CD4", "CD8"])
    adata.X = rng.normal(size=(40, 3)).astype(np.float32)
    other = renamed_cells(adata[:, ::-1].copy(), "event")
    pair = [saved(tmp_path, "a", adata), saved(tmp_path, "b", other)]
    with pytest.raises(InputError, match="Samples a and b hold the same cells: 40 cells"):
        join_samples(pair, modality="cytometry")
    # a third of the events is equal, as whole numbers of few channels may be
    other.X[13:] += 1
    pair = [saved(tmp_path, "a", adata), saved(tmp_path, "b", other)]
    assert join_samples(pair, modality="cytometry").n_obs == 80
