"""The comparison with other methods: its ports, its scores, and what its files promise."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.sparse as sp

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def rivals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "rivals"))
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("_rivals")


@pytest.fixture
def case(rivals: ModuleType) -> tuple:
    """Three labels in four donors a side; the first doubles, the second halves, the last stays."""
    shares = {False: [20, 40, 40], True: [40, 20, 40]}
    labels, target, donor = [], [], []
    for side, counts in shares.items():
        for d in range(4):
            labels += [k for k, n in enumerate(counts) for _ in range(n + (d - 1) * (k == 2))]
            added = sum(counts) + d - 1
            target += [side] * added
            donor += [f"{'st'[side]}{d}"] * added
    labels = np.array(labels)
    points = np.random.default_rng(0).normal(size=(len(labels), 2)) + 30 * labels[:, None]
    job = rivals.Job(points.astype(np.float32), np.array(target), np.array(donor))
    return job, rivals.Truth(labels, np.arange(3), np.array([1.0, -1.0, 0.0]))


def test_every_method_has_a_module_and_pinned_packages(rivals: ModuleType) -> None:
    worker = importlib.import_module("worker")
    assert set(worker.METHODS) == set(rivals.METHODS)
    for method, module in worker.METHODS.items():
        code = (rivals.RIVALS / f"{module}.py").read_text("utf-8")
        assert f"def {method}(job: Job) -> Answer" in code
    environments = {r.environment for r in rivals.METHODS.values()} - {rivals.OWN}
    files = {path.stem for path in (rivals.RIVALS / "requirements").iterdir()}
    assert files == environments
    for name in environments:
        head, *pins = rivals.requirements(name).read_text("utf-8").splitlines()
        assert re.fullmatch(r"# Python 3\.\d+; for: .+", head)
        assert all(re.fullmatch(r"[\w.-]+==[\w.!+-]+", line) for line in pins)
    for method, rival in rivals.METHODS.items():
        assert len(rivals.pinned(method).split(", ")) >= min(1, len(rival.packages))


def test_an_environment_that_cannot_be_made_is_a_reason(
    rivals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "pot.txt").write_text("# Python 3.1; for: nothing\npot==0\n")
    monkeypatch.setattr(rivals, "RIVALS", tmp_path)
    assert rivals.ask("pot", [(tmp_path / "j", tmp_path / "a")], tmp_path).startswith(
        "not installed: "
    )


def test_jobs_and_answers_come_back(rivals: ModuleType, case: tuple, tmp_path: Path) -> None:
    job, truth = case
    job.save(tmp_path / "job.npz")
    again = rivals.Job.load(tmp_path / "job.npz")
    np.testing.assert_array_equal(again.sample, job.sample)
    assert not again.paired
    answer = rivals.Answer(np.ones(len(job.points)), sp.eye_array(len(job.points)), p=np.zeros(3))
    answer.cost = {"seconds": 1.0}
    answer.save(tmp_path / "answer.npz")
    back = rivals.Answer.load(tmp_path / "answer.npz")
    assert back.low is None
    assert back.cost == {"seconds": 1.0}
    np.testing.assert_array_equal(back.member.toarray(), answer.member.toarray())
    truth.save(tmp_path / "t.npz")
    np.testing.assert_array_equal(rivals.Truth.load(tmp_path / "t.npz").labels, truth.labels)


def test_a_true_answer_has_no_error_and_finds_what_changed(rivals: ModuleType, case: tuple) -> None:
    job, truth = case
    clusters = importlib.import_module("_clusters")
    answer = clusters.of_clusters(job, truth.labels)
    found = rivals.row_scores(job, truth, answer)
    assert found["rows"] == 3
    assert found["purity"] == pytest.approx(1.0)
    assert found["row"] < 0.05
    counts = rivals.test_scores(job, truth, answer)
    assert (counts["found"], counts["found_n"]) == (2, 2)
    assert (counts["alarm"], counts["alarm_n"]) == (0, 1)


def test_a_wrong_answer_is_scored_as_one(rivals: ModuleType, case: tuple) -> None:
    job, truth = case
    clusters = importlib.import_module("_clusters")
    # what moves is cut by condition: half of the unchanged label appears to rise, half to fall
    cut = truth.labels + 3 * ((truth.labels == 2) & job.target)
    answer = clusters.of_clusters(job, cut)
    counts = rivals.test_scores(job, truth, answer)
    assert (counts["alarm"], counts["alarm_n"]) == (2, 2)
    assert rivals.row_scores(job, truth, answer)["row"] > 2
    # right by p, wrong by sign: not found
    wrong = clusters.of_clusters(job, truth.labels)
    wrong.log2 = -wrong.log2
    assert rivals.test_scores(job, truth, wrong)["found"] == 0


def test_what_appears_counts_in_the_rows_of_both_sides_only(rivals: ModuleType) -> None:
    """A type that hardly is in the source, in a row with few other source cells."""
    labels = np.repeat(["a", "b", "a", "b"], [100, 1, 60, 40])
    target = np.arange(201) >= 101
    job = rivals.Job(np.zeros((201, 1), np.float32), target, np.where(target, "t", "s"))
    truth = rivals.Truth(labels, np.array(["a", "b"]), np.full(2, np.nan))
    row = (labels == "b").astype(int)
    row[:4] = 1  # cells of a
    shares = np.log2([0.6 * 101 / 97, 0.4 * 101 / 4])
    answer = rivals.Answer(shares[row], rivals.one_hot(row), shares)
    found = rivals.row_scores(job, truth, answer)
    true = np.log2([(0.6 + 0.005) / (100 / 101 + 0.5 / 101), (0.4 + 0.005) / (1.5 / 101)])
    assert found["row"] == pytest.approx(np.sqrt(np.mean((shares - true) ** 2)))
    # by its source cells the second row is of "a"
    assert found["source"] == pytest.approx(np.sqrt(np.mean((shares - true[0]) ** 2)))
    assert found["rows"] == 2
    wrong = rivals.row_scores(job, truth, rivals.Answer(shares[row], rivals.one_hot(row), -shares))
    assert f"b: {-shares[1]:.2f}, true {true[1]:.2f}; row with 5.0 % of source" in wrong["far"]
    assert found["far"].startswith("b: ")
    # nothing finite, nothing scored
    none = rivals.Answer(shares[row], rivals.one_hot(row), np.full(2, np.nan))
    assert np.isnan(rivals.row_scores(job, truth, none)["row"])


def test_called_cells_are_counted(rivals: ModuleType, case: tuple) -> None:
    job, truth = case
    called = np.where(truth.labels == 0, 1, 0)
    called[np.flatnonzero(truth.labels == 2)[:5]] = -1
    counts = rivals.test_scores(job, truth, rivals.Answer(np.zeros(len(called)), called=called))
    assert counts == {
        "alarm": 5.0,
        "alarm_n": int((truth.labels == 2).sum()),
        "found": 1.0,
        "found_n": 2,
    }


def test_intervals_are_held_against_the_cells_of_a_row(rivals: ModuleType, case: tuple) -> None:
    job, truth = case
    clusters = importlib.import_module("_clusters")
    answer = clusters.of_clusters(job, truth.labels)
    answer.low, answer.high = np.array([0.5, 0.0, np.nan]), np.array([1.5, 1.0, np.nan])
    counts = rivals.test_scores(job, truth, answer)
    assert (counts["cover"], counts["cover_n"]) == (1, 2)


def test_the_port_of_propeller_keeps_its_level_and_finds_the_prior(rivals: ModuleType) -> None:
    clusters = importlib.import_module("_clusters")
    rng = np.random.default_rng(0)
    n, freedom, prior = 4000, 8, 6.0
    sd = np.sqrt(prior * 0.5 / rng.chisquare(prior, n))
    y = rng.normal(size=(freedom + 2, n)) * sd
    design = np.column_stack([np.ones(freedom + 2), np.repeat([0.0, 1.0], (freedom + 2) // 2)])
    test = clusters.moderated(y, design, 1)
    assert test.prior == pytest.approx(prior, rel=0.2)
    assert (test.p < 0.05).mean() == pytest.approx(0.05, abs=0.01)
    # equal variances: the prior is infinite, and the test becomes one of the normal distribution
    same = clusters.moderated(rng.normal(size=(6, 3)), design[[0, 1, 2, 5, 6, 7]], 1)
    assert np.all((same.p > 0) & (same.p <= 1))


def test_protocols_of_peers_keep_their_promises(rivals: ModuleType) -> None:
    protocols = importlib.import_module("_peer_protocols")
    share, alpha, after = protocols.heart()
    assert after.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(after[[1, 2, 4, 5]], share[[1, 2, 4, 5]])
    assert after[6] == pytest.approx(3 * share[6])
    rng = np.random.default_rng(0)
    counts = protocols.draw_counts(rng, 4000, share, alpha)
    np.testing.assert_allclose(counts.mean(axis=0), 5000 * share, rtol=0.1)
    labels = np.repeat(["a", "b", "c"], 50)
    points = rng.normal(size=(150, 3)) + 6 * (labels[:, None] == np.array(["a", "b", "c"]))
    p = protocols.raised_probability(points, labels, "b", 0.9)
    assert (p.min(), p.max()) == (pytest.approx(0.5), pytest.approx(0.9))
    assert p[labels == "b"].min() > p[labels != "b"].max()
    still = protocols.propeller_rows(3)
    assert set(still["method"]) == set(protocols.METHODS)
    assert still["p"].between(0, 1).all()


def test_the_figure_has_a_bar_for_every_method(rivals: ModuleType, tmp_path: Path) -> None:
    pd = importlib.import_module("pandas")
    figure = importlib.import_module("_rivals_figure")
    joint = {"part": "joint", "kind": "gaussian", "donors": 6, "shift": 4.0}
    shift = {"part": "shift", "complete": True}
    rows = [
        {**joint, "method": "cgmm", "alarms": 0.05, "alarms_error": 0.02},
        {**joint, "method": "clusters", "alarms": 0.8, "alarms_error": 0.04},
        {**shift, "method": "cgmm", "worst_row": 0.3},
        {**shift, "method": "pot", "worst_row": 0.9},
    ]
    labels = {m: r.label for m, r in rivals.METHODS.items()}
    figure.draw(pd.DataFrame(rows), labels, tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text("utf-8")
    for method in ("cgmm", "clusters", "pot"):
        assert f">{labels[method]}<" in text


def test_a_method_without_a_number_in_a_case_is_not_ranked_first(rivals: ModuleType) -> None:
    tables = importlib.import_module("_rivals_tables")
    pd = importlib.import_module("pandas")
    rows = pd.DataFrame(
        [("cgmm", "a", 0.5), ("cgmm", "b", 0.6), ("pot", "a", 0.1), ("pot", "b", np.nan)],
        columns=["method", "case", "row"],
    ).assign(source=0.1, rmse=0.1, median=0.1, rows=3, purity=1.0, cpu=1.0, seed=0, far="")
    cases = tables.shift_cases(rows)
    summary = tables.shift_summary(cases)
    assert list(summary["method"]) == ["cgmm", "pot"]
    assert list(summary["complete"]) == [True, False]
    why = pd.DataFrame({"method": ["milo"], "reason": ["not run this time"]})
    text = "\n".join(tables.shift_table(cases, why))
    assert "mixtures, POT (some cases only)" in text
    assert re.search("^Milo +not run this time$", text, re.MULTILINE)


def test_a_replicate_counts_with_and_without_a_change_of_shares(rivals: ModuleType) -> None:
    compare, tables = (importlib.import_module(m) for m in ("compare", "_rivals_tables"))
    pd = importlib.import_module("pandas")
    about = {"kind": "gaussian", "donors": 6, "shift": 0.0}
    hits = {"alarm": 1.0, "alarm_n": 4.0, "found": 1.0, "found_n": 2.0}
    rows = [
        {"method": "cgmm", **about, "change": c, "seed": s, **hits} for c in (0, 1) for s in (0, 1)
    ]
    rows += [
        {"method": "milo", **about, "change": c, "seed": s, **hits}
        for c, s in ((0, 0), (1, 0), (0, 1))
    ]
    rows += [{"method": "pot", **about, "change": 0, "seed": 0, "failed": "it did"}]
    rows = pd.DataFrame(rows).assign(cover=np.nan, cover_n=np.nan)
    found = tables.joint_shares(rows).set_index("method")
    assert dict(found["replicates"]) == {"cgmm": 2, "milo": 1}
    assert found.loc["cgmm", "alarms_error"] == 0
    assert np.isnan(found.loc["milo", "alarms_error"])
    assert compare.failed(rows) == {"pot": "failed in 1 of 1: it did"}


def test_of_methods_that_find_as_much_the_one_with_fewer_alarms_is_first(
    rivals: ModuleType,
) -> None:
    tables = importlib.import_module("_rivals_tables")
    pd = importlib.import_module("pandas")
    of = {"cgmm": (0.07, 1.0), "milo": (0.03, 1.0), "clusters": (0.9, 1.0), "cna": (0.0, 0.5)}
    about = {"kind": "gaussian", "donors": 6, "shift": 0.0, "replicates": 3}
    empty = dict.fromkeys(("alarms_error", "found_error", "cover", "cover_error"), np.nan)
    rows = [{"method": m, **about, **empty, "alarms": a, "found": f} for m, (a, f) in of.items()]
    why = pd.DataFrame(columns=["method", "reason"])
    text = "\n".join(tables.joint_table(pd.DataFrame(rows), why))
    order = ["milo", "cgmm", "cna", "clusters"]
    places = [text.index(rivals.METHODS[m].label) for m in order]
    assert places == sorted(places)


def test_a_method_that_runs_anew_replaces_its_own_figures(
    rivals: ModuleType, tmp_path: Path
) -> None:
    store = importlib.import_module("_rivals_store")
    pd = importlib.import_module("pandas")
    path = tmp_path / "summary.tsv"
    path.write_text("part\tmethod\tcode\tauprc\tpopulation\tenrichment\tbatch\n")
    one = {"population": "NK", "enrichment": 0.75, "batch": 0.0}
    first = pd.DataFrame([{"method": m, **one, "auprc": 0.5} for m in ("milo", "cgmm")])
    store.keep({"milo": store.together("milo", first, path)}, path)
    again = pd.DataFrame(
        [
            {"method": "cgmm", **one, "auprc": 0.9},
            {"method": "cgmm", **one, "batch": 1.0, "auprc": 0.8},
        ]
    )
    both = store.together("milo", again, path)
    assert list(both["method"]) == ["cgmm", "cgmm", "milo"]
    assert list(both["auprc"]) == [0.9, 0.8, 0.5]
    assert re.fullmatch("[0-9a-f]{7,}[+]?", both["code"].iloc[0])
    assert both["code"].isna().iloc[-1]
    why = store.reasons("milo", {"cna": "failed"}, set(both["method"]), path=path)
    why = dict(zip(why["method"], why["reason"], strict=True))
    assert (why["cna"], why["meld"]) == ("failed", "not run this time")
    assert "milo" not in why
    # what a method cannot do is said in place of "not run", whoever ran
    assert "donors with several samples" in why["milo_mixed"]
    store.keep({"milo": both.assign(code=["1234567", None, None])}, path)
    assert len(store.kept("milo", path)) == 3
    read = store.together("milo", again, path, anew=False)
    assert read["code"].iloc[0] == "1234567"
    assert read["code"].iloc[1:].isna().all()


def test_a_reason_stays_until_its_method_has_figures_in_a_run(
    rivals: ModuleType, tmp_path: Path
) -> None:
    store = importlib.import_module("_rivals_store")
    pd = importlib.import_module("pandas")
    path = tmp_path / "summary.tsv"
    old = [("milo", "100,000 cells: stopped"), ("kompot", "it failed"), ("pot", store.NOT_RUN)]
    path.write_text("part\tmethod\treason\n")
    store.keep({"speed why": pd.DataFrame(old, columns=["method", "reason"])}, path)

    def now(found: dict[str, str], asked: set[str]) -> dict[str, str]:
        why = store.reasons("speed", found, {"milo", "pot"}, asked, path)
        return dict(zip(why["method"], why["reason"], strict=True))

    assert now({}, {"pot"})["milo"] == "100,000 cells: stopped"
    assert "milo" not in now({}, {"milo"})
    assert now({"pot": "it ended"}, {"pot"})["pot"] == "it ended"
    assert "pot" not in now({}, {"clusters"})
    assert now({}, {"kompot"})["kompot"] == "it failed"


def test_a_method_is_stopped_by_processor_seconds(
    rivals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker.py").write_text("while True: pass\n")
    monkeypatch.setattr(rivals, "RIVALS", tmp_path)
    why = rivals.ask("cgmm", [(tmp_path / "j", tmp_path / "a")], tmp_path, limit=1)
    assert why == "stopped after 1 processor seconds"


def test_the_summary_belongs_to_the_tables(rivals: ModuleType) -> None:
    """What the figure draws is what the tables show."""
    summary = rivals.RIVALS / "summary.tsv"
    lines = summary.read_text("utf-8").splitlines()
    head = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(head, line.split("\t"), strict=True))
        if row["part"] == "shift" and row["worst_row"]:
            shown = (BENCHMARKS / "results" / "compare-shift-py311.txt").read_text("utf-8")
            label = re.escape(rivals.METHODS[row["method"]].label)
            assert re.search(f"^{label}.* {float(row['worst_row']):.2f} ", shown, re.MULTILINE)
    assert "shift" in {line.split("\t")[head.index("part")] for line in lines[1:]}
