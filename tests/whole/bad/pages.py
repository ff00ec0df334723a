"""Pages that are no report, or that want to do harm, given to ``cgmm.rerun``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cgmm.report.page.render import json_island
from cgmm.rerun import extract
from cgmm.results.recipe import FORMAT
from tests.whole.bad.cases import Case

Recipe = dict[str, Any]


def whole(folder: Path) -> Recipe:
    """Return a recipe of one file, which is there."""
    (folder / "a.h5ad").write_bytes(b"a.h5ad")
    digest = hashlib.sha256(b"a.h5ad").hexdigest()
    row = {"path": "a.h5ad", "condition": "c", "donor": "D1", "sha256": digest}
    return {
        "format": FORMAT,
        "config": {"n_dims": 4, "fit": {"rho": None}},
        "samples": [{"sample": "s0", **row}, {"sample": "s1", **row}],
        "packages": {"numpy": "2.0"},
    }


def page(content: bytes) -> Callable[[Path], object]:
    def make(folder: Path) -> object:
        (folder / "page.html").write_bytes(content)
        return extract(folder / "page.html", folder / "again")

    return make


def recipe(change: Callable[[Recipe], Any]) -> Callable[[Path], object]:
    """Spoil the recipe of a report that could be made again."""

    def make(folder: Path) -> object:
        made = whole(folder)
        changed = change(made)
        island = json_island(made if changed is None else changed)
        return page(f'<script id="recipe">{island}</script>'.encode())(folder)

    return make


def first(**fields: Any) -> Callable[[Path], object]:
    return recipe(lambda r: r["samples"][0].update(fields))


def deep(n: int) -> Any:
    value: Any = 1
    for _ in range(n):
        value = {"a": value}
    return value


def occupied(folder: Path) -> object:
    (folder / "again").mkdir()
    (folder / "again" / "config.yaml").write_text("mine", encoding="utf-8")
    return recipe(lambda r: None)(folder)


PAGES = [
    Case("a page without recipe", page(b"<html>a list of reports</html>"), "holds no recipe: it is not a report of a comparison"),
    Case("a picture", page(b"\x89PNG\r\n" + bytes(500)), "holds no recipe"),
    Case("tags without end", page(b"<script " * 20_000), "holds no recipe"),
    Case("a recipe without end", page(b'<script id="recipe">{"format": 1'), "holds no recipe"),
    Case("damaged JSON", page(b'<script id="recipe">{"format": 1,</script>'), "The recipe in"),
    Case("JSON nested too deep", page(b'<script id="recipe">' + b"[" * 100_000 + b"</script>"), "is damaged"),
    Case("a number with very many digits", page(b'<script id="recipe">' + b"9" * 10_000 + b"</script>"), "is damaged"),
    Case("a list for the recipe", recipe(lambda r: [r]), "it does not have the format 1"),
    Case("a recipe of another version", recipe(lambda r: r.update(format=99)), "it does not have the format 1"),
    Case("no samples", recipe(lambda r: r.update(samples="all")), "it has no samples"),
    Case("a sample without checksum", first(sha256=""), "a sample lacks one of sample, path, condition, sha256"),
    Case("a sample on two lines", first(donor="D1\nx\t/etc/passwd"), "donor of the sample 's0' is not one line of text"),
    Case("a column smuggled in", first(donor="D1\tx"), "holds a tab, a NUL or half a letter"),
    Case("half a letter", first(donor="D\ud800"), "holds a tab, a NUL or half a letter"),
    Case("a config that Snakemake would run", recipe(lambda r: r["config"].update({"__use_yte__": True, "?print(1)": 1})), "its config has the key '__use_yte__', which no report has"),
    Case("such a key further down", recipe(lambda r: r["config"]["fit"].update({"?exec": "x"})), "its config has the key '?exec'"),
    Case("a config nested too deep", recipe(lambda r: r["config"].update(fit=deep(60))), "its config is larger than that of any report"),
    Case("an option for pip", recipe(lambda r: r["packages"].update({"--index-url": "1"})), "'--index-url' is not the name of a package"),
    Case("a link for pip", recipe(lambda r: r["packages"].update(numpy="1 @ file:///x")), "'1 @ file:///x' is not a version of numpy"),
    Case("a commit with a line of its own", recipe(lambda r: r.update(git_commit="0123abc\n--index-url x")), "its git_commit is not a commit"),
    Case("a file that is missing", first(path="gone.h5ad"), "gone.h5ad is missing"),
    Case("a path that is too long", first(path="a" * 5000), "is missing"),
    Case("a path that leads out of the demo", first(path="results/demo/../../x.h5ad"), "results/demo/../../x.h5ad is missing"),
    Case("two checksums of one file", first(sha256="0" * 64), "a file has two checksums"),
    Case("another file of the same name", recipe(lambda r: [row.update(sha256="0" * 64) for row in r["samples"]] and None), "is not the file that the report was made from"),
    Case("a folder that holds a config", occupied, "config.yaml exists and is not overwritten", FileExistsError),
]  # fmt: skip
