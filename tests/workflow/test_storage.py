"""Files in a storage instead of a shared file system, with a folder in the place of the bucket."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Project

pytestmark = pytest.mark.timeout(1200)


def needs(*plugins: str) -> None:
    for plugin in plugins:
        if importlib.util.find_spec(plugin.replace("-", "_")) is None:
            pytest.skip(f"needs {plugin}")


@pytest.fixture
def stored(project: Project, tmp_path: Path) -> tuple[Project, tuple[str, ...]]:
    """A project whose samples are in a storage only."""
    needs("snakemake-storage-plugin-fs")
    store = tmp_path / "store"
    (store / "data").mkdir(parents=True)
    shutil.copy(project.rows[0]["path"], store / "data" / "all.h5ad")
    for row in project.rows:
        row["path"] = "data/all.h5ad"
    return project, ("--default-storage-provider=fs", f"--default-storage-prefix={store}")


def test_kubernetes_profile_plans_every_job(
    stored: tuple[Project, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("snakemake-executor-plugin-kubernetes", "snakemake-storage-plugin-s3")
    for name in ("ACCESS", "SECRET"):
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}_KEY", "none")
    project, arguments = stored
    profile = ROOT / "workflow" / "profiles" / "kubernetes"
    where = ("--workflow-profile", str(profile), *arguments)
    done = project.run("-n", where=where)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    rules = ("check", "prepare", "embed", "map", "fit", "summarise", "report", "index")
    table = text.split("Job stats:")[1].split("total")[0]
    assert {line.split()[0] for line in table.splitlines()[3:] if line.strip()} == {*rules, "all"}


@pytest.mark.long
def test_run_through_a_storage(
    stored: tuple[Project, tuple[str, ...]], undisturbed: dict[str, bytes]
) -> None:
    project, arguments = stored
    shared = ("persistence", "sources", "source-cache", "software-deployment")
    usage = ("--shared-fs-usage", *shared, "storage-local-copies")
    done = project.run(*arguments, *usage)
    assert done.returncode == 0, done.stdout + done.stderr
    store = Path(arguments[1].split("=", 1)[1])
    tables = {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("*.tsv*")}
    assert {k: v for k, v in tables.items() if k.startswith("results/")} == undisturbed
    assert (store / "reports" / "drug.html").is_file()
    assert not project.tables()
