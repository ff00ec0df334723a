from __future__ import annotations

from pathlib import Path

import pytest

from cgmm.pp import Sample
from tests.pp.made import saved, small


@pytest.fixture
def pair(tmp_path: Path) -> list[Sample]:
    return [saved(tmp_path, "a", small(seed=1)), saved(tmp_path, "b", small(seed=2))]
