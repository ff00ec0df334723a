"""Nothing of a file is run: no pickle, no evaluation, no shell; and hostile files get an answer."""

from __future__ import annotations

import ast
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import InputError, Sample, _guard, check_readable, check_samples, join_samples
from cgmm.results.fit_files import FORMAT, load_fit
from tests.pp.made import small

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*ROOT.glob("cgmm/**/*.py"), *ROOT.glob("workflow/**/*.py"), *ROOT.glob("docs/*.py")]
RULES = [ROOT / "Snakefile", ROOT / "workflow" / "Snakefile", *ROOT.glob("workflow/**/*.smk")]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "compile", "system", "popen", "read_pickle", "unsafe_load", "full_load"}


def faults(tree: ast.Module) -> Iterator[str]:
    """Yield what runs code out of data, in words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
            yield from (f"imports {n}" for n in names if str(n).split(".")[0] in MODULES)
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name.split(".")[-1] in CALLS and name != "re.compile":
            yield f"calls {name}"
        if name.endswith("yaml.load"):
            yield "calls yaml.load"
        if name in ("np.load", "numpy.load"):
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if given.get("allow_pickle") != "False":
                yield "calls np.load without allow_pickle=False"
        if any(k.arg == "shell" for k in node.keywords):
            yield f"calls {name} with a shell"


def test_nothing_in_the_code_runs_data() -> None:
    assert len(SOURCES) > 100
    found = [
        f"{path.relative_to(ROOT)} {fault}"
        for path in SOURCES
        for fault in faults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "yaml.load(text, Loader)",
        "os.system(name)",
        "run(name, shell=True)",
        "eval(text)",
    ],
)
def test_that_check_sees(line: str) -> None:
    assert list(faults(ast.parse(line)))


def test_rules_have_no_shell_into_which_a_name_could_go() -> None:
    for path in RULES:
        words = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        assert not {"shell:", "run:"} & set(words), path


class Harm:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.mark),))


@pytest.fixture
def harm(tmp_path: Path) -> Iterator[Harm]:
    mark = tmp_path / "harm was done"
    yield Harm(mark)
    assert not mark.exists()


def test_a_pickle_is_harmful_when_it_is_loaded(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Harm(tmp_path / "mark")))
    assert (tmp_path / "mark").is_dir()


def test_a_pickle_in_a_fit_is_not_loaded(harm: Harm, tmp_path: Path) -> None:
    np.savez(tmp_path / "fit.npz", coupling=np.array([harm], dtype=object))
    (tmp_path / "fit.json").write_text(f'{{"format": {FORMAT}}}', encoding="utf-8")
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_fit(tmp_path / "fit")


@pytest.mark.parametrize("name", ["X", "obs/library", "var/_index", "uns/truth"])
def test_a_pickle_in_an_h5ad_file_is_not_loaded(harm: Harm, tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.h5ad"
    write_h5ad(small(), path)
    content = np.void(pickle.dumps(harm))
    with h5py.File(path, "a") as file:
        shape = file[name].shape if isinstance(file.get(name), h5py.Dataset) else ()
        if name in file:
            del file[name]
        file[name] = np.full(shape, content)
    # a column that is not used is left out, so the sample is one that uses it
    where = {"obs_column": "library", "obs_value": "L1"} if name == "obs/library" else {}
    sample = Sample(sample="a", path=str(path), condition="c", **where)
    if name == "uns/truth":  # not what cgmm writes there, so not looked at
        assert check_samples([sample])["truth"] is None
        join_samples([sample])
        return
    with pytest.raises(InputError, match=r"a\.h5ad"):
        (check_samples([sample]), join_samples([sample]))


def test_files_on_which_hdf5_is_lost_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is killed by its limit, or by a signal; the files around are looked at too."""
    look = tmp_path / "_guard_child.py"
    text = (ROOT / "cgmm" / "pp" / "_guard_child.py").read_text(encoding="utf-8")
    lost = 'if "crash" in path:\n            import os\n            os.abort()\n        '
    lost += 'while "endless" in path:\n            pass\n        '
    text = text.replace("used = resource", lost + "used = resource").replace(
        "SECONDS = 10", "SECONDS = 1"
    )
    text = text.replace(
        "def main() -> None:",
        "def main() -> None:\n    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))",
    )
    look.write_text(text, encoding="utf-8")
    write_h5ad(small(), tmp_path / "good.h5ad")
    check_readable([tmp_path / "good.h5ad", tmp_path / "missing.h5ad"])
    monkeypatch.setattr(_guard, "__file__", str(tmp_path / "_guard.py"))
    names = ["good.h5ad", "crash.h5ad", "endless.h5ad", "good.h5ad"]
    with pytest.raises(InputError) as caught:
        check_readable([tmp_path / name for name in names])
    said = caught.value.problems
    assert [p.split(":")[0] for p in said] == [str(tmp_path / n) for n in names[1:3]]
    assert "HDF5 crashes on it, or does not come to an end" in said[0]


def test_hostile_files_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run of benchmarks/fuzz.py, with another seed than that of the published one."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import fuzz

    tally = fuzz.run(160, seed=11, workers=1, seconds=60.0)
    assert not tally.faults
    assert tally.total(*fuzz.COLUMNS) >= 150
    assert tally.total("refused") > 60
    assert tally.total("accepted") > 20
    assert len(tally.outcomes) == 8
    sys.modules.pop("fuzz")
