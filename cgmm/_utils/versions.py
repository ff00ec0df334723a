"""Versions of the packages on which the numbers depend."""

from __future__ import annotations

import importlib.metadata

VERSIONED = ("cgmm", "jax", "jaxlib", "numpy", "scipy", "pandas", "anndata", "scanpy")


# Versions --------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {package: version(package) for package in VERSIONED}
    return {package: number for package, number in found.items() if number is not None}


def version(package: str) -> str | None:
    """Version of an installed package, None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if package != "cgmm":
            return None
        from cgmm import __version__  # used from its folder, not installed

        return __version__
