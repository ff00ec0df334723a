"""Objects whose X lies on disk."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pytest


@pytest.fixture
def on_disk(simulated: ad.AnnData, tmp_path: Path) -> ad.AnnData:
    path = tmp_path / "cells.h5ad"
    simulated.write_h5ad(path)
    return ad.read_h5ad(path, backed="r")
