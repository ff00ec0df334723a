"""Scripts of findings/ have the form that README.md there describes; they are not run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

FINDINGS = Path(__file__).resolve().parents[2] / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))
FIELDS = ["Find", "Versions", "Python", "Guess", "Seen", "Why", "For cgmm"]
PINNED = re.compile(r"'([A-Za-z0-9_.-]+)==([0-9][A-Za-z0-9.]*)'")
INSTALL = re.compile(r"pip install --quiet --disable-pip-version-check \\\n((?: +\S+)+?) >")
ADDRESS = re.compile(r"\w+://|--index-url|--extra-index-url|--find-links")


def header(text: str) -> dict[str, str]:
    """Return the fields of the comment at the top of a script."""
    lines = text.splitlines()[1:]
    comment = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    found: dict[str, str] = {}
    for line in comment:
        match = re.match(r"# ([A-Z][A-Za-z ]*): (.+)", line)
        if match and match[1] in FIELDS:
            found[match[1]] = match[2]
        elif line.startswith("#   ") and found:
            found[list(found)[-1]] += " " + line[4:].strip()
    return found


def faults(text: str) -> list[str]:
    """Return what is wrong with the form of a script."""
    found = header(text)
    asked = [part for line in INSTALL.findall(text) for part in line.split()]
    installed = {pin[1]: pin[2] for part in asked if (pin := PINNED.fullmatch(part))}
    stated = dict(part.strip().split(" ") for part in found.get("Versions", "").split(",") if part)
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    wrong = {
        "header": list(found) != FIELDS,
        "versions": not installed or installed != stated,
        "one install": code.count("pip install") != 1,
        "unpinned": not asked or len(asked) != len(installed),
        "address": ADDRESS.search(text) is not None,
        "cgmm": re.search(r"\bcgmm\b", code) is not None,
        "temporary folder": "mktemp -d" not in code or "trap 'rm -rf \"$folder\"' EXIT" not in code,
        "environment": '-m venv "$folder/env"' not in code,
        "can fail": not re.search(r"^\s*(assert |raise SystemExit)", code, re.MULTILINE),
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_find_has_its_form(script: Path) -> None:
    text = script.read_text("utf-8")
    assert faults(text) == []
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    python = text.partition("<<'PY'\n")[2].removesuffix("PY\n")
    compile(python, script.name, "exec")


def test_the_form_refuses_what_it_should() -> None:
    text = SCRIPTS[0].read_text("utf-8")
    pin = PINNED.search(text)
    assert pin is not None
    for changed, fault in (
        (text.replace("# Guess:", "# Idea:"), "header"),
        (text.replace(pin[0], f"'{pin[1]}'"), "unpinned"),
        (text.replace(pin[0], f"'{pin[1]}==99'"), "versions"),
        (text.replace("<<'PY'\n", "<<'PY'\nimport cgmm\n"), "cgmm"),
        (text.replace("<<'PY'\n", "<<'PY'\n# https://example.org\n"), "address"),
        (re.sub(r"(assert |raise SystemExit)", "print ", text), "can fail"),
    ):
        assert fault in faults(changed), fault


def test_the_table_names_each_script_once() -> None:
    table = (FINDINGS / "README.md").read_text("utf-8")
    named = re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\.sh\) \|", table, re.MULTILINE)
    assert sorted(named) == [script.stem for script in SCRIPTS]
