"""Versions of the packages on which results depend."""

from __future__ import annotations

import importlib.metadata

VERSIONED = (
    ("cgmm", "snakemake", "scanpy", "anndata", "jax", "jaxlib", "numpy", "pandas", "scipy")
    + ("scikit-learn", "umap-learn", "harmonypy")
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the version of each package on which results depend, where it is installed."""
    found = {package: version(package) for package in VERSIONED}
    return {package: number for package, number in found.items() if number is not None}


def version(package: str) -> str | None:
    """Return the version of a package; None when it is not installed."""
    if package == "cgmm":  # what is installed under this name may be another project
        from cgmm import __version__

        return __version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
