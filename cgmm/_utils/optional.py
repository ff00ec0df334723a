"""Packages that only some functions need, and how each is installed.

A sentence names the package itself, never an extra of this one: cgmm may run from a folder without
being installed, and the registry's package called ``cgmm`` is another project
(``docs/installation.md``).
"""

from __future__ import annotations

#: Requirements by the name under which a package is imported; as pyproject.toml has them.
REQUIREMENTS = {
    "dask": "dask[array,distributed]>=2026.1",
    "flowio": "flowio>=1.4",
    "hdf5plugin": "hdf5plugin>=5",
    "loompy": "loompy>=3.0.8",
    "mudata": "mudata>=0.3.10",
    "pyarrow": "pyarrow>=17",
    "pydeseq2": "pydeseq2>=0.5.4",
    "scanpy": "scanpy>=1.11",
    "snakemake": "snakemake>=9.12",
    "zarr": "zarr>=3",
}


def how_to_install(module: str) -> str:
    """Return the command that installs a package, for the end of a sentence.

    Parameters
    ----------
    module
        The name under which the package is imported, a key of ``REQUIREMENTS``.

    Returns
    -------
    str
        For instance ``pip install 'zarr>=3'``.
    """
    return f"pip install '{REQUIREMENTS[module]}'"
