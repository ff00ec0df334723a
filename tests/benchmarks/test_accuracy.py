"""The accuracy benchmarks: their truth is right, and their scores react to a wrong answer."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmarks() -> SimpleNamespace:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        names = ("_accuracy", "accuracy", "factorial")
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture(scope="module")
def bench(shared_data: Path, benchmarks: SimpleNamespace) -> SimpleNamespace:
    folder = shared_data.parent / "bench"
    if not (folder / "shiftbench").is_dir():
        pytest.skip("needs the shared score code, which is not beside this checkout")
    before = list(sys.path)
    found = benchmarks._accuracy.load_shiftbench(folder)
    sys.path[:] = before
    return found


@pytest.fixture(scope="module")
def drawn(bench: SimpleNamespace, benchmarks: SimpleNamespace):
    design = benchmarks.factorial.Design(change=1.0, shift=2.0, donors=3)
    return benchmarks.factorial.simulate(bench, design, seed=1, cells_per_donor=400)


def perfect(module: ModuleType, bench: SimpleNamespace, drawn, log2_factor=None):
    """Components are the labels, each goes to itself."""
    case = drawn.case
    onehot = (case.labels[:, None] == drawn.names).astype(float)
    source, target = onehot[case.is_source], onehot[case.is_target]
    mass = np.diag(np.minimum(source.mean(axis=0), target.mean(axis=0)))
    coupling = bench.score.Coupling(mass, source, target)
    if log2_factor is None:
        log2_factor = source @ np.log2(target.mean(axis=0) / source.mean(axis=0))
    moves = module.barycentric(case.x[case.is_source], case.x[case.is_target], coupling)
    return module.Reading(log2_factor, moves, coupling, 0.0)


def test_missing_score_code_is_named(benchmarks: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--bench"):
        benchmarks._accuracy.load_shiftbench(tmp_path)


def test_methods_that_cannot_run_are_named(benchmarks: SimpleNamespace) -> None:
    known = {"gmm_ot": None}
    patch = {"milo": ("no_such_package",)}
    needs = benchmarks._accuracy.NEEDS
    with pytest.MonkeyPatch.context() as monkeypatch:
        for word, packages in patch.items():
            monkeypatch.setitem(needs, word, packages)
        absent = benchmarks._accuracy.missing(["gmm_ot", "milo"], known)
        assert absent == {"milo": "not run: needs no_such_package"}
    with pytest.raises(ValueError, match="no method"):
        benchmarks._accuracy.missing(["gmm_otto"], known)


def test_worst_score_is_the_worse_of_two_means(benchmarks: SimpleNamespace) -> None:
    runs = pd.DataFrame(
        {
            "case": ["kang_plain"] * 3,
            "method": ["cgmm", "cgmm", "gmm_ot"],
            "seed": [0, 1, 0],
            "rmse": [0.1, 0.3, np.nan],
            "rmse_median": [0.5, 0.1, np.nan],
            "within_twofold": 1.0,
            "r": 1.0,
            "seconds": 2.0,
            "error": [np.nan, np.nan, "ValueError: no"],
        }
    )
    summary = benchmarks.accuracy.summarise(runs).set_index("method")
    assert summary.loc["cgmm", "worse"] == pytest.approx(0.3)
    text = benchmarks.accuracy.report(summary.reset_index(), {"meld": "not run: needs meld"})
    assert any("failed: ValueError: no" in line for line in text)
    assert any("meld" in line and "not run" in line for line in text)
    assert any(line.split() == ["kang_plain", "0.12", "0.30", "missed"] for line in text)


def test_further_cases_change_the_target_only_and_by_known_factors(
    bench: SimpleNamespace, benchmarks: SimpleNamespace, shared_data: Path
) -> None:
    made = benchmarks._accuracy.extra_cases(bench)
    thinned = made["airway_thinned"].make(shared_data, 1)
    after = bench.score.truth_table(thinned)
    obs = ad.read_h5ad(shared_data / "airway_cf_pig.h5ad", backed="r").obs
    before = pd.crosstab(obs["cell_type"].astype(str), obs["condition"].astype(str))
    before = before.loc[after.index].set_axis(["n_target", "n_source"], axis=1)
    assert (after["n_source"] == before["n_source"]).all()
    kept = after["n_target"] / before["n_target"]
    assert kept.min() < 0.3
    nearest = np.abs(kept.to_numpy()[:, None] - np.array(bench.cases.THIN_FACTORS)).min(axis=1)
    assert nearest.max() < 0.01

    split = made["wnv_split"].make(shared_data, 0)
    donors = split.adata.obs["donor"].astype(str)
    sides = [set(donors[mask]) for mask in (split.is_source, split.is_target)]
    assert [len(s) for s in sides] == [3, 3]
    assert not sides[0] & sides[1]
    assert all("WNV" in donor for side in sides for donor in side)

    turned = benchmarks._accuracy._turned(lambda data, seed: split)(shared_data, 0)
    truths = [bench.score.truth_table(c)["truth"] for c in (split, turned)]
    np.testing.assert_allclose(truths[0], -truths[1].loc[truths[0].index])
    assert turned.name == "wnv_split_reversed"


def test_factorial_truth(bench: SimpleNamespace, benchmarks: SimpleNamespace, drawn) -> None:
    factorial = benchmarks.factorial
    assert sorted(drawn.log2_net.round(9)) == [-1, -1, 0, 0, 0, 0, 1, 1]
    for level in (-1, 0, 1):
        moved = drawn.shift[np.isclose(drawn.log2_net, level)]
        assert sorted(moved) == [0.0] * (len(moved) // 2) + [2.0] * (len(moved) // 2)
    gaps = drawn.case.adata.uns["truth"]["source_means"]
    gaps = np.linalg.norm(gaps[:, None] - gaps, axis=2) + 100 * np.eye(len(gaps))
    np.testing.assert_allclose(gaps.min(axis=1), factorial.CLOSE)
    stronger = factorial.Design(change=2.0, shift=4.0, donors=3)
    other = factorial.simulate(bench, stronger, seed=1, cells_per_donor=40)
    np.testing.assert_array_equal(
        other.case.adata.uns["truth"]["source_means"],
        drawn.case.adata.uns["truth"]["source_means"],
    )
    n_cells = {part: len(cells) for part, cells in factorial.designs([*factorial.PARTS]).items()}
    assert n_cells == {"main": 36, "donors": 3, "batch": 3, "components": 4}


def test_factorial_scores_react(bench: SimpleNamespace, benchmarks: SimpleNamespace, drawn) -> None:
    factorial = benchmarks.factorial

    def summary(reading):
        rows = factorial.score(bench, drawn, reading)
        design = factorial.CENTRE
        return factorial.summarise(rows.assign(design=[design] * len(rows), seed=0))

    right = perfect(factorial, bench, drawn)
    found = summary(right)
    for name in ("leak_mean", "leak_median", "rmse_mean", "rmse_moved", "wrong", "mixed"):
        assert found[name] == pytest.approx(0.0, abs=1e-9), name
    assert found["leak_shift"] == pytest.approx(found["leak_shift_labels"])
    assert 0.5 < found["cover_labels"] <= 1.0
    assert np.isnan(found["cover"])

    # A moved, unchanged subpopulation read as halved: it leaks, the others do not suffer.
    k = int(np.flatnonzero(np.isclose(drawn.log2_net, 0) & (drawn.shift > 0))[0])
    cells = drawn.case.labels[drawn.case.is_source] == drawn.names[k]
    wrong = summary(perfect(factorial, bench, drawn, right.log2_factor - cells))
    assert wrong["leak_worst"] == pytest.approx(1.0)
    assert wrong["leak_mean"] == pytest.approx(0.5)
    assert wrong["rmse_mean"] == pytest.approx(np.sqrt(1 / 8))

    # Two subpopulations that swap partners: mass goes astray and both seem to move.
    swapped = right.coupling.mass[:, [1, 0, *range(2, len(drawn.names))]]
    coupling = replace(right.coupling, mass=swapped)
    x = drawn.case.x
    moves = factorial.barycentric(x[drawn.case.is_source], x[drawn.case.is_target], coupling)
    astray = summary(replace(right, coupling=coupling, displacement=moves))
    assert astray["wrong"] > 0.05
    assert astray["rmse_moved"] > 1.0


def test_intervals_are_scored_where_components_are_pure(
    bench: SimpleNamespace, benchmarks: SimpleNamespace, drawn
) -> None:
    factorial = benchmarks.factorial
    reading = perfect(factorial, bench, drawn)
    low, high, p = (np.zeros(len(drawn.names)) for _ in range(3))
    low[:], high[:], p[:] = drawn.log2_net - 0.1, drawn.log2_net + 0.1, 0.5
    low[0], high[0] = 5.0, 6.0
    p[np.flatnonzero(np.isclose(drawn.log2_net, 0))[0]] = 0.01
    high[1] = low[1] = np.nan
    reading.factors = pd.DataFrame({"ci_low": low, "ci_high": high, "p": p})
    counts = factorial.interval_scores(drawn, reading)
    assert counts["cover"] == (6, 7)
    hits, n = counts["alarm"]
    null = np.isclose(drawn.log2_net, 0)
    assert n == null.sum() - null[1]
    assert hits == (0 if np.flatnonzero(null)[0] == 1 else 1)
