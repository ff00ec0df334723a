"""Schemas, defaults, and the sentences on violations, for config and sample sheet."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

SCHEMAS = Path(__file__).parent / "schemas"

# jsonschema accepts 30.0 as a whole number; the code that uses the setting does not
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class SettingsError(ValueError):
    """Config or sample sheet cannot be used; ``problems`` has one sentence per problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(["", *(f"  * {p}" for p in self.problems), ""]))


def read_schema(name: str) -> dict[str, Any]:
    """Read ``schemas/{name}.schema.yaml``."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Return a copy of a value with the defaults of its schema filled in, at every depth."""
    value = deepcopy(value)
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if key not in value and "default" in part:
                value[key] = deepcopy(part["default"])
            if key in value:
                value[key] = with_defaults(value[key], part)
    elif isinstance(value, list) and "items" in schema:
        value = [with_defaults(item, schema["items"]) for item in value]
    return value


def sentence(error: ValidationError, where: str) -> str:
    """Return one schema violation as a sentence."""
    at = ".".join(str(part) for part in error.absolute_path)
    named = f"{where}: `{at}`" if at else f"{where}:"
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = [key for key in error.instance if key not in known]
        guess = difflib.get_close_matches(str(unknown[0]), known, n=1, cutoff=0.6)
        hint = f"did you mean `{guess[0]}`?" if guess else f"known keys: {', '.join(known)}."
        keys = ", ".join(f"`{key[:80]}`" for key in unknown[:10])
        inside = f" in `{at}`" if at else ""
        return f"{where}: unknown key {keys}{inside}; {hint}"
    if error.validator == "required":
        lacking = [key for key in error.schema["required"] if key not in error.instance]
        return f"{named} lacks {', '.join(f'`{key}`' for key in lacking)}. Add it."
    if error.validator == "pattern":
        return (
            f"{named} is {short(error.instance)}: use letters, digits, `_`, `-` and `.` only "
            "(it becomes part of file names)."
        )
    if error.validator == "enum":
        allowed = ", ".join(str(v) for v in error.validator_value)
        return f"{named} is {short(error.instance)}; choose one of: {allowed}."
    if error.validator in ("type", "anyOf"):
        about = error.schema.get("description", "see config/README.md")
        text = "string" in str(error.validator_value) and not isinstance(
            error.instance, dict | list | None
        )
        quotes = " Put it in quotes, so that YAML takes it for text." if text else ""
        return f"{named} is {short(error.instance)}, which does not fit: {about}{quotes}"
    if error.validator in ("maxLength", "minLength"):
        limit = "at most" if error.validator == "maxLength" else "at least"
        return f"{named} must have {limit} {error.validator_value} characters. Correct it."
    return f"{named}: {error.message}. Correct it."


def short(value: Any) -> str:
    """Write a value for a sentence, cut when it is long."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 80
    return shortener.repr(value)
