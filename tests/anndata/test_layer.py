"""What the AnnData layer promises of objects and files, whatever the versions."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import cgmm as cg

FRAMES = (
    "components",
    "factors",
    "transfers",
    "arrivals",
    "shifts",
    "donors",
    "carried_donors",
    "donor_shifts",
    "genes",
)
#: What anndata 0.10 reads.
PLAIN = {"array", "categorical", "dataframe", "dict", "string", "string-array", "numeric-scalar"}
HEAVY = ("anndata", "jax", "matplotlib", "numpy", "pandas", "scanpy", "scipy", "seaborn", "sklearn")


def write(adata: ad.AnnData, path: Path) -> None:
    """With the reader's own method, not with ours."""
    with warnings.catch_warnings():
        # anndata 0.12 announces another default format at every writing of zarr
        warnings.filterwarnings("ignore", message=".*zarr.*", category=UserWarning)
        adata.write_h5ad(path) if path.suffix == ".h5ad" else adata.write_zarr(path)


def read(path: Path) -> ad.AnnData:
    return ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)


def encodings(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    if path.suffix == ".h5ad":
        with h5py.File(path) as file:
            file.visititems(lambda n, o: found.update({n: o.attrs.get("encoding-type", "")}))
        return found
    import zarr

    group = zarr.open_group(path, mode="r")
    return {n: str(o.attrs.get("encoding-type", "")) for n, o in group.members(max_depth=None)}


@pytest.mark.parametrize("name", ["cells.h5ad", "cells.zarr"])
@pytest.mark.parametrize("donors", [True, False])
def test_files_keep_everything_in_plain_encodings(
    fitted: ad.AnnData, fit: cg.CoupledFit, call: dict, tmp_path: Path, name: str, donors: bool
) -> None:
    if name.endswith("zarr"):
        pytest.importorskip("zarr")
    if not donors:
        cg.tl.annotate(fitted, fit, **call)
        cg.tl.genes(fitted)
    cg.tl.donors(fitted, n_bootstrap=3, n_permutations=0)
    path, again = tmp_path / name, tmp_path / f"again_{name}"
    write(fitted, path)
    first = read(path)
    write(first, again)  # what a reader of the file writes
    for file in (path, again):
        back = read(file)
        for frame in FRAMES:
            pd.testing.assert_frame_equal(
                getattr(cg.get, frame)(back), getattr(cg.get, frame)(fitted)
            )
        np.testing.assert_array_equal(cg.get.fit(back).coupling, cg.get.fit(fitted).coupling)
        for key in ("cgmm_responsibilities", "cgmm_displacement", "cgmm_projected"):
            np.testing.assert_array_equal(back.obsm[key], fitted.obsm[key])
        assert list(back.obs["cgmm_component"]) == list(fitted.obs["cgmm_component"])
        ours = {n: kind for n, kind in encodings(file).items() if "cgmm" in n}
        assert len(ours) > 30
        assert set(ours.values()) <= PLAIN


@pytest.fixture
def on_disk(simulated: ad.AnnData, tmp_path: Path) -> ad.AnnData:
    path = tmp_path / "cells.h5ad"
    simulated.write_h5ad(path)
    return ad.read_h5ad(path, backed="r")


def test_backed_objects_take_a_fit_and_say_where_x_is_needed(
    on_disk: ad.AnnData, simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(on_disk, fit, **call, donor_key="donor", name_by="cell_type")
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    assert on_disk.isbacked
    for frame in ("factors", "transfers", "arrivals", "shifts", "donors"):
        pd.testing.assert_frame_equal(
            getattr(cg.get, frame)(on_disk), getattr(cg.get, frame)(simulated)
        )
    np.testing.assert_array_equal(on_disk.obsm["cgmm_projected"], simulated.obsm["cgmm_projected"])
    for needs_x in (
        lambda: cg.tl.genes(on_disk),
        lambda: cg.get.projected(on_disk, genes=["ALPHA01"]),
        lambda: cg.tl.annotate(on_disk, fit, **call, use_rep="X"),
    ):
        with pytest.raises(ValueError, match=r"lies on disk .*to_memory\(\)"):
            needs_x()
    # expression in memory serves, and a layer is in memory already
    cg.tl.genes(on_disk, expression=simulated)
    cg.tl.genes(simulated)
    pd.testing.assert_frame_equal(cg.get.genes(on_disk), cg.get.genes(simulated))


def test_backed_objects_without_names_get_numbers(
    on_disk: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(on_disk, fit, **call)
    assert cg.get.params(on_disk)["named_by"] == "number"


@pytest.mark.parametrize("tool", ["annotate", "fit"])
def test_backed_objects_are_not_copied_nor_written_through_a_view(
    on_disk: ad.AnnData, fit: cg.CoupledFit, call: dict, tool: str
) -> None:
    more = (fit,) if tool == "annotate" else ()
    with pytest.raises(ValueError, match="cannot be copied"):
        getattr(cg.tl, tool)(on_disk, *more, **call, copy=True)
    view = on_disk[:1000]
    with pytest.raises(ValueError, match="while it is a view"):
        getattr(cg.tl, tool)(view, *more, **call)


@pytest.mark.parametrize("kind", ["category", "object", "string", "ordered", "number"])
def test_conditions_and_donors_may_be_of_any_text_type(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict, kind: str
) -> None:
    cg.tl.annotate(simulated, fit, **call, donor_key="donor")
    expected = cg.get.factors(simulated)
    values = simulated.obs["condition"].astype(str).to_numpy(object)
    if kind == "number":
        simulated.obs["condition"] = np.where(values == "control", 0, 1)
        call = {**call, "source": 0, "target": 1}
    elif kind == "ordered":
        simulated.obs["condition"] = pd.Categorical(
            values, categories=["treated", "unused", "control"], ordered=True
        )
    else:
        for name in ("condition", "donor"):
            simulated.obs[name] = pd.Series(
                simulated.obs[name].astype(str).to_numpy(object),
                index=simulated.obs_names,
                dtype=kind,
            )
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", key_added="again")
    pd.testing.assert_frame_equal(cg.get.factors(simulated, key="again"), expected)
    cg.get.factors(simulated, key="again", by="condition")


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A lazy package: what a figure needs is loaded by the figure."""
    code = (
        "import sys; before = set(sys.modules); import cgmm; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(cg.__file__).parents[1],
    )
    loaded = ran.stdout.split()
    assert "cgmm" in loaded
    assert not set(loaded) & set(HEAVY)


def test_a_cell_without_counterpart_has_no_place(couple: Callable) -> None:
    drawn = cg.simulate.points(log2_change=[-np.inf, 0.0, 0.0, 0.0], separation=24)
    truth = drawn.truth
    source = cg.GaussianMixture(truth["shares_source"], truth["source_means"], truth["covariances"])
    target = cg.GaussianMixture(
        truth["shares_target"][1:] + 1e-9, truth["target_means"][1:], truth["covariances"][1:]
    )
    fit = couple(source, target)
    adata = drawn.to_anndata()
    cg.tl.annotate(adata, fit, condition_key="condition", source="source", target="target")
    gone = (drawn.condition == "source") & (drawn.component == 0)
    here = (drawn.condition == "source") & (drawn.component != 0)
    assert np.isnan(adata.obsm["cgmm_projected"][gone]).all()
    assert adata.obs["cgmm_shift"][gone].isna().all()
    assert (adata.obs["cgmm_log2_net_factor"][gone] < -10).all()
    np.testing.assert_allclose(
        adata.obsm["cgmm_projected"][here],
        adata.obsm["X_pca"][here] + adata.obsm["cgmm_displacement"][here],
    )
    # the other way round it is new
    back = couple(target, source)
    cg.tl.annotate(
        adata, back, condition_key="condition", source="target", target="source", key_added="back"
    )
    assert np.isposinf(adata.obs["back_log2_net_factor"][gone]).all()
    assert np.isfinite(adata.obs["back_log2_net_factor"][here]).all()
    for color in ("component", "log2_net_factor", "shift"):
        for key in ("cgmm", "back"):
            adata.obsm["X_map"] = adata.obsm["X_pca"][:, :2]
            cg.pl.embedding(adata, color=color, basis="X_map", key=key).canvas.draw()
