"""Write the tables of config/README.md from the schemas: ``python workflow/document_config.py``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from workflow.validation import read_schema  # noqa: E402

README = ROOT / "config" / "README.md"


def marks(name: str) -> tuple[str, str]:
    """Return the two lines that enclose the table of a schema."""
    return f"<!-- table of {name}: begin -->", f"<!-- table of {name}: end -->"


def kind(schema: dict[str, Any]) -> str:
    """Return the type of a key in words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = {"string": "text", "integer": "whole number", "number": "number", "array": "list"}
    words["boolean"] = "true or false"
    return " or ".join(words.get(name, name) for name in types)


def rows(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and description for every key, at every depth."""
    required = schema.get("required", [])
    for key, part in schema["properties"].items():
        name = f"{prefix}{key}"
        inner = part.get("items", {}) if part.get("type") == "array" else part
        if "properties" in inner:
            if part.get("type") == "array":
                yield name, "list", "the demo", part["description"]
                name += "[]"
            yield from rows(inner, f"{name}.")
            continue
        if key in required:
            default = "required"
        elif part.get("default") == "":
            default = "empty"
        else:
            default = f"`{json.dumps(part['default'])}`".replace('"', "")
        yield name, kind(part), default, part["description"]


def table(name: str) -> str:
    """Return the Markdown table of a schema."""
    head = "| key | type | default | meaning |" if name == "config" else ""
    lines = [head or "| column | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{k}` | {t} | {d} | {text} |" for k, t, d, text in rows(read_schema(name))]
    return "\n".join(lines)


def filled(text: str) -> str:
    """Return the text of the page with the tables of the schemas."""
    for name in ("config", "samples"):
        begin, end = marks(name)
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n\n{table(name)}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
