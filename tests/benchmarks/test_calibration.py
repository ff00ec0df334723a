"""The benchmark of donor uncertainty: its truth is right, and its tables count as they say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("calibration")


@pytest.fixture(scope="module")
def cases(calibration: ModuleType) -> ModuleType:
    return importlib.import_module(calibration.draw.__module__)


@pytest.fixture(scope="module")
def tests(calibration: ModuleType) -> ModuleType:
    return importlib.import_module(calibration.METHODS["propeller"].__module__)


def rows(calibration: ModuleType, setting, method: str = "cgmm", **columns) -> pd.DataFrame:
    """Ten replicates of six pure features, one per subpopulation."""
    n = len(calibration.draw(setting, 0, cells_per_donor=30).log2_net)
    parts = [
        pd.DataFrame(
            {"label": np.arange(n), "purity": 1.0, "truth": 0.0, "p": 0.5, "seed": seed}
            | {
                name: value[seed] if np.ndim(value) == 2 else value
                for name, value in columns.items()
            }
        )
        for seed in range(10)
    ]
    table = pd.concat(parts, ignore_index=True).assign(method=method, **vars(setting))
    return table.assign(p_moderated=table["p"], p_permutation=np.nan, log2_net=0.1)


def test_two_subpopulations_exchange_and_the_others_stay(calibration, cases) -> None:
    change = calibration.POWER[0]
    case = cases.draw(change, 3, cells_per_donor=40)
    np.testing.assert_allclose(case.log2_net, [1, -1, 0, 0, 0, 0])
    assert not set(case.donors[0]) & set(case.donors[1])
    assert [len(np.unique(d)) for d in case.donors] == [5, 5]
    many = cases.draw(calibration.Setting(cases.SIMULATION, 400, 0.0, 1.0), 0, cells_per_donor=40)
    shares = [np.bincount(c, minlength=6) / len(c) for c in many.labels]
    np.testing.assert_allclose(np.log2(shares[1] / shares[0]), case.log2_net, atol=0.15)

    moved = cases.draw(calibration.POWER[1], 3, cells_per_donor=40)
    np.testing.assert_array_equal(moved.labels[1], case.labels[1])
    np.testing.assert_array_equal(moved.points[0], case.points[0])
    gone = moved.points[1] - case.points[1]
    np.testing.assert_allclose(np.linalg.norm(gone, axis=1), calibration.LONG_SHIFT)


def test_splits_are_of_donors_of_one_condition(calibration, cases, shared_data: Path) -> None:
    case = cases.draw(calibration.Setting("onek1k", 5), 1, data=shared_data)
    assert [len(np.unique(d)) for d in case.donors] == [5, 5]
    assert not set(case.donors[0]) & set(case.donors[1])
    assert not case.log2_net.any()
    other = cases.draw(calibration.Setting("onek1k", 5), 2, data=shared_data)
    assert set(other.donors[0]) != set(case.donors[0])


def test_error_of_a_rate_has_runs_as_the_unit(calibration) -> None:
    runs = pd.Series(np.repeat(np.arange(8), 5))
    together = (runs < 2).astype(float)
    share, error, n = calibration.rate(together, runs)
    assert (share, n) == (0.25, 40)
    assert error == pytest.approx(np.std([1, 1, 0, 0, 0, 0, 0, 0], ddof=1) / np.sqrt(8))
    apart = pd.Series(np.tile([1.0, 0, 0, 0], 10))
    assert calibration.rate(apart, runs)[1] < error / 2
    assert calibration.rate(together.where(runs < 1), runs)[::2] == (1.0, 5)
    assert calibration.rate(together * np.nan, runs)[2] == 0


def test_simes_and_threshold(calibration) -> None:
    assert calibration.simes(np.array([0.01, 0.5])) == pytest.approx(0.02)
    assert calibration.simes(np.array([0.04, 0.04, np.nan])) == pytest.approx(0.04)
    assert calibration.simes(np.array([np.nan])) == 1.0
    null = np.linspace(0, 1, 40)
    limit = calibration.threshold(null)
    assert (null < limit).mean() == 0.05
    assert calibration.threshold(np.zeros(40)) == 0.0


def test_calibration_table_counts_alarms_and_misses(calibration) -> None:
    setting = calibration.Setting("simulation", 5)
    p = np.full((10, 6), 0.5)
    p[:3, 0] = 0.01
    high = np.full((10, 6), 1.0)
    high[0, :] = -0.5
    high[1, 0] = np.nan
    low = np.where(np.isnan(high), np.nan, -1.0)
    text = calibration.calibration_table(rows(calibration, setting, p=p, low=low, high=high))
    line = next(x.split() for x in text if x.startswith("simulation"))
    assert line[:7] == ["simulation", "5", "v", "5", "0", "10", "59"]
    assert line[7] == line[9] == "0.050"
    assert line[11] == "-"
    assert line[12] == f"{53 / 59:.3f}"
    assert any("(p)" in x and x.endswith("reached") for x in text)
    assert any("coverage" in x and x.endswith("missed") for x in text)


def test_many_alarms_do_not_make_power(calibration) -> None:
    blind, keen, good = np.full((10, 6), 0.5), np.full((10, 6), 1e-3), np.full((10, 6), 0.5)
    good[:, :2] = 0.001
    truth = np.tile([1.0, -1, 0, 0, 0, 0], (10, 1))
    parts = []
    for change in calibration.POWER:
        without = calibration.Setting(change.data, change.donors, change.shift)
        for name, p in (("propeller", blind), ("milo", keen), ("cgmm", good)):
            end = {"low": -1.0, "high": 2.0}
            parts.append(rows(calibration, change, name, p=p, truth=truth, **end))
            quiet = p if name == "milo" else blind
            parts.append(rows(calibration, without, name, p=quiet, **end))
    table = pd.concat(parts, ignore_index=True)
    found = calibration.power_rows(table).set_index(["method", "shift"])
    assert found.loc[("cgmm", 0.0), "power"][0] == 1.0
    assert found.loc[("cgmm", 0.0), "adjusted"] == (1.0, 0.0, 20)
    assert found.loc[("cgmm", 0.0), "alarms"] == (0.0, 0.0, 100)
    assert found.loc[("milo", 0.0), "power"][0] == found.loc[("milo", 0.0), "alarms"][0] == 1.0
    assert found.loc[("milo", 0.0), "adjusted"][0] == 0.0
    assert found.loc[("propeller", 4.0), "power"][0] == 0.0
    # every interval holds 1 and 0; -1 is its end
    assert found.loc[("cgmm", 4.0), "cover"][0] == 1.0
    text = calibration.power_table(table)
    assert sum(x.endswith("reached") for x in text) == 2

    # a feature that is not pure speaks for nobody
    mixed = table.assign(purity=0.8)
    assert (
        calibration.power_rows(mixed).set_index(["method", "shift"]).loc[("milo", 0.0), "power"][0]
        == 0.0
    )


def test_peers_find_a_large_change_on_true_labels(calibration, cases, tests) -> None:
    case = cases.draw(calibration.Setting(cases.SIMULATION, 5, 0.0, 3.0), 0, cells_per_donor=150)
    found = tests.labels(case, 0)
    assert list(found["label"]) == [0, 1, 2, 3, 4, 5]
    assert (found["purity"] == 1).all()
    assert (found["p"][:2] < 0.01).all()
    np.testing.assert_allclose(found["truth"], [3, -3, 0, 0, 0, 0])
    clusters = tests.propeller(case, 0)
    assert clusters["p"].between(0, 1).all()
    assert clusters.loc[clusters["label"] == 0, "p"].min() < 0.01


def test_plan_holds_every_case_once(calibration, monkeypatch) -> None:
    monkeypatch.setitem(calibration.missing.__globals__["NEEDS"], "milo", ("no_such_package",))
    assert calibration.missing() == {"milo": "not run: needs no_such_package"}
    jobs = calibration.plan(["calibration", "power"], 2, 3)
    assert len({(setting, seed) for setting, seed, _ in jobs}) == len(jobs) == 9 * 2 + 2 * 3 + 2
    methods = {m for _, _, names in jobs for m in names}
    assert methods == {"cgmm", "propeller", "labels"}
    done = pd.concat(
        [
            pd.DataFrame({"method": list(names)}).assign(seed=seed, **vars(setting))
            for setting, seed, names in jobs
        ]
    )
    assert calibration.covers(done, jobs)
    assert not calibration.covers(done.iloc[1:], jobs)
