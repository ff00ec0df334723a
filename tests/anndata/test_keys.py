"""Names of fields stand in one module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cgmm as cg
from cgmm._anndata import keys
from cgmm._anndata.keys import Keys, UncertaintyKeys, Uns

PACKAGE = Path(cg.__file__).parent
LAYER = [
    path
    for folder in ("_anndata", "tl", "get", "pl", "simulate")
    for path in sorted((PACKAGE / folder).glob("*.py"))
    if path != Path(keys.__file__)
]
#: Names of fields that are not names of anything else, such as of a function or a column.
NAMES = {
    *(value for name, value in vars(Uns).items() if name.isupper()),
    *(value for name, value in vars(UncertaintyKeys).items() if name.isupper()),
    *(keys.PCA, keys.HARMONY, keys.UMAP, keys.LOADINGS, keys.SD),
} - {
    "params",
    "components",
    "donors",
    "genes",
    "gene_donors",
    "gene_sets",
    "markers",
    "gene_agreement",
    "calibration",
    "factors",
    "shifts",
    "donor_shifts",
}


def docstrings(tree: ast.Module) -> set[ast.AST]:
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


@pytest.mark.parametrize("path", LAYER, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_other_module_spells_a_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = docstrings(tree)
    spelled = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node not in words and node.value in NAMES
    ]
    assert not spelled


def test_fields_have_the_key_as_prefix() -> None:
    run = Keys("run")
    assert run.uns == "run"
    fields = (run.component, run.log2_net_factor, run.shift, run.responsibilities)
    assert all(name.startswith("run_") for name in (*fields, run.displacement, run.projected))
    assert len({*fields, run.displacement, run.projected}) == 6


def test_targets_have_keys_without_a_slash() -> None:
    assert Keys("cgmm").for_target("1/2 h").key == "cgmm_1-2 h"
    assert Keys("x").for_target("a").uns.startswith(Keys("x").prefix_of_targets)


@pytest.mark.parametrize("key", ["", "  ", "a/b", 3])
def test_a_key_that_names_no_field_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="give a non-empty text without '/'"):
        Keys(key)  # type: ignore[arg-type]


def test_sides_have_their_names() -> None:
    parts = (Uns.weights, Uns.means, Uns.covariances, Uns.shares, Uns.names)
    assert len({part(side) for part in parts for side in ("source", "target")}) == 10
