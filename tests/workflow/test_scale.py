"""The workflow with ``scale: lazy`` ends in the tables of a run through memory."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Project

# two runs from start to end, on a busy machine
pytestmark = pytest.mark.timeout(1200)
COLUMNS = {
    "factors": ["log2_net", "share_source", "share_target", "outflow"],
    "transfers": ["mass", "share_of_source"],
    "genes": ["log2_change"],
}


def test_lazy_gives_the_same_tables(project: Project, tiny_project: Project) -> None:
    pytest.importorskip("dask")
    project.settings["scale"] = "lazy"
    done = project.run()
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "(scale: lazy)" in text
    one, two = (p.folder / "results" for p in (tiny_project, project))
    dataset = next(path.parent.name for path in two.glob("*/prepared.h5ad"))
    qc = [(folder / dataset / "qc.json").read_text(encoding="utf-8") for folder in (one, two)]
    assert qc[0] == qc[1]
    facts = json.loads((two / "drug" / "report.json").read_text(encoding="utf-8"))
    assert facts["representation"]["scale"] == "lazy"
    for name, columns in COLUMNS.items():
        tables = [pd.read_csv(folder / "drug" / f"{name}.tsv", sep="\t") for folder in (one, two)]
        assert len(tables[0]) == len(tables[1])
        for column in columns:
            x, y = (table[column].to_numpy(dtype=float) for table in tables)
            np.testing.assert_allclose(x, y, atol=0.02, err_msg=f"{name}.{column}")
    page = (project.folder / "reports" / "drug.html").read_text(encoding="utf-8")
    assert "read in blocks of cells" in page
