"""The tables of config/README.md are made of the schemas."""

from __future__ import annotations

from workflow import document_config


def test_the_tables_of_the_readme_are_made_of_the_schemas() -> None:
    text = document_config.README.read_text(encoding="utf-8")
    assert document_config.filled(text) == text, "run: python workflow/document_config.py"
