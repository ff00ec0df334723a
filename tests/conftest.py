"""Settings that hold for every test: strict numerics, two threads, where shared data lie."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.compiled import share_compiled_code

os.environ.setdefault("NPROC", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
share_compiled_code()  # before JAX is imported

import anndata as ad  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

import cgmm as cg  # noqa: E402
from tests.made import CALL, N_CELLS, coupled, log_counts, plain_fit  # noqa: E402

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what takes minutes; share the others out among processes, long ones first.

    A file stays on one process, for the sake of its fixtures; files whose tests stand alone and are
    long say so (``SPREAD = True``).
    """
    skip = pytest.mark.skip(reason="long: set CGMM_LONG=1 to run")
    for item in items:
        if "long" in item.keywords and os.environ.get("CGMM_LONG") != "1":
            item.add_marker(skip)
        if not getattr(item.module, "SPREAD", False):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    items.sort(key=lambda item: item.path.parent.name != "workflow")
    items.sort(key=lambda item: not getattr(item.module, "SPREAD", False))


@pytest.fixture(scope="session")
def once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder of a name once, whichever process comes first; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = base / name, base / f"{name}.done"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("needs the shared data sets, which are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def call() -> dict[str, str]:
    return dict(CALL)


@pytest.fixture(scope="session")
def make_counts() -> Callable[..., ad.AnnData]:
    return log_counts


@pytest.fixture(scope="session")
def couple() -> Callable[..., cg.CoupledFit]:
    return coupled


@pytest.fixture(scope="session")
def _simulated() -> ad.AnnData:
    return log_counts(**N_CELLS, random_state=1)


@pytest.fixture(scope="session")
def fit(_simulated: ad.AnnData) -> cg.CoupledFit:
    return plain_fit(_simulated)


@pytest.fixture(scope="session")
def _fitted(_simulated: ad.AnnData, fit: cg.CoupledFit) -> ad.AnnData:
    adata = cg.tl.annotate(_simulated, fit, **CALL, donor_key="donor", copy=True)
    cg.tl.genes(adata)
    return adata


@pytest.fixture(scope="session")
def _populated(_simulated: ad.AnnData, fit: cg.CoupledFit) -> ad.AnnData:
    kinds = _simulated.obs["cell_type"].astype("category").cat.codes.to_numpy()
    source = (_simulated.obs["condition"] == CALL["source"]).to_numpy()
    found = replace(
        fit,
        populations_source=kinds[source],
        populations_target=kinds[~source],
        populations_elsewhere=np.zeros((7, kinds.max() + 1)),
    )
    adata = cg.tl.annotate(_simulated, found, **CALL, donor_key="donor", copy=True)
    cg.tl.genes(adata)
    return adata


@pytest.fixture
def populated(_populated: ad.AnnData) -> ad.AnnData:
    """The same cells with a fit whose populations are the simulated cell types."""
    return _populated.copy()


@pytest.fixture
def simulated(_simulated: ad.AnnData) -> ad.AnnData:
    """Log-normalised simulated cells of two conditions, not fitted."""
    return _simulated.copy()


@pytest.fixture
def fitted(_fitted: ad.AnnData) -> ad.AnnData:
    """The same cells with a fit and gene changes."""
    return _fitted.copy()
