"""The log of decisions says who chose what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm.results.decisions import decisions_table
from cgmm.tables import DECISIONS

COMPONENTS = pd.DataFrame({"name": ["A", "B", "A"], "named_from": ["marker table", "", ""]})


def _content(**more: object) -> dict[str, object]:
    return {
        "annotated": False,
        "representation": {
            "scale": "memory", "use_rep": "X_pca", "n_dims": 2, "n_genes_used": 50,
            "variance_ratio": [0.2, 0.1, 0.05], "integrate": "none",
        },
        "parameters": {"n_components": [3, 4], "rho": 2.0, "epsilon": 1.0, "random_state": 0},
        "reasons": {"n_components": "3 and 4: the middle", "epsilon": "1 nat", "origin": "counted"},
        "config": {"scale": "auto", "fit": {"random_state": 0}, "test_genes": True,
                   "donors": {"design": None}},
        "donors": {"test": "moderated_t", "test_reason": "few donors", "level": 0.95,
                   "n_donors": [3, 4], "paired": False, "source": "donors",
                   "sentences": ["Donor d9 was left out."]},
    } | more  # fmt: skip


def test_every_choice_has_its_value_who_made_it_and_why() -> None:
    table = decisions_table(_content(), COMPONENTS)
    assert tuple(table.columns) == DECISIONS.names
    rows = table.set_index("decision")
    assert list(rows.loc["n_components"]) == [
        "3 and 4", "data", "3 and 4: the middle", "fit: n_components",
    ]  # fmt: skip
    assert rows.loc["rho", "chosen_by"] == "config"  # it has no reason: the user gave it
    assert rows.loc["epsilon", "chosen_by"] == "default"
    assert "30 % of the variance" in rows.loc["representation", "reason"]
    assert rows.loc["populations", "value"] == "2"
    assert rows.loc["names of populations", "value"] == "marker table"
    assert rows.loc["test over donors", "value"] == "moderated_t"
    assert rows.loc["remark on the donors", "reason"] == "Donor d9 was left out."
    assert (table[["decision", "chosen_by"]] != "").all(axis=None)


def test_what_the_user_set_is_not_called_automatic() -> None:
    content = _content(
        annotated=True,
        config={"scale": "lazy", "use_rep": "X_scVI", "test_genes": False,
                "fit": {"random_state": 7}, "donors": {"design": "~ condition + sex"}},
    )  # fmt: skip
    rows = decisions_table(content, COMPONENTS).set_index("decision")["chosen_by"]
    for decision in (
        "how values are held", "representation", "populations", "design of the donors",
        "tests of genes", "seed",
    ):  # fmt: skip
        assert rows[decision] == "config", decision


def test_values_may_be_arrays_and_blocks_may_be_absent() -> None:
    content = _content(parameters={"n_components": np.array([5, 6])}, donors=None, config=None)
    rows = decisions_table(content, COMPONENTS).set_index("decision")
    assert rows.loc["n_components", "value"] == "5 and 6"
    assert "test over donors" not in rows.index
