"""Schemas are closed and described, and defaults are filled in from them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.workflow.conftest import ROOT
from workflow.validation import SettingsError, read_schema, short, with_defaults

SCHEMAS = ("config", "samples")


def leaves(schema: dict[str, Any], *, top: bool = True) -> list[dict[str, Any]]:
    found = []
    for key, part in schema.get("properties", {}).items():
        found.append({"key": key, "required": key in schema.get("required", []), **part})
        found += leaves(part, top=False) + leaves(part.get("items", {}), top=False)
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_closed_and_described(name: str) -> None:
    schema = read_schema(name)
    Draft202012Validator.check_schema(schema)
    for part in [schema, *leaves(schema)]:
        inner = part.get("items", part)
        if "properties" in inner:
            assert inner["additionalProperties"] is False
    for part in leaves(schema):
        assert len(part["description"]) > 10, part
        assert part["required"] or "default" in part, part


def test_the_committed_config_is_the_defaults() -> None:
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    filled = with_defaults({}, read_schema("config"))
    assert with_defaults(config, read_schema("config")) == filled
    written = set(config) | {f"{k}.{x}" for k in ("qc", "fit") for x in config.get(k, {})}
    known = set(filled) | {f"{k}.{x}" for k in ("qc", "fit") for x in filled.get(k, {})}
    assert written == known


def test_long_values_are_cut_in_a_sentence() -> None:
    assert len(short("x" * 10_000)) <= 82
    assert short("short") == "'short'"


def test_every_problem_is_a_line_of_the_error() -> None:
    error = SettingsError(["one.", "two."])
    assert error.problems == ["one.", "two."]
    assert str(error) == "\n  * one.\n  * two.\n"
