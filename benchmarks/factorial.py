r"""Factorial simulation: what leaks from state shift into prevalence, and the other way round.

    python benchmarks/factorial.py [--part main,donors,batch,components] [--replicates 5]
                                   [--cells-per-donor 600] [--methods a,b] [--bench ../shared/bench]

Eight Gaussian subpopulations in 15 dimensions, four pairs of close neighbours (4 standard
deviations apart, the others about 7 to 8), donors with their own shares (sd .2 of the log) and
offsets (sd .1 per axis). Two pairs exchange their shares, :math:`p \leftrightarrow 2^L p`: their
log2 factors are exactly +L and -L and all others exactly 0. Shift lengths are in standard
deviations along one axis. ``own``: half of each kind (rising, falling, unchanged) moves, each in
a direction of its own; ``common``: all move along one direction, as under interferon.

The main part crosses L {0, .5, 1, 2}, shift {0, .5, 1, 2, 4} and the two kinds of shift at five
donors per arm; then donors {3, 5, 10}, batch sd {0, .5, 1} (two batches, present in both
conditions) and K (automatic, true, 30 % less, 30 % more) vary one at a time around L = 1, shift 2,
own. A replicate has the same geometry, order and seed in every cell of the design.

Scores, per true subpopulation over its source cells, as in ``shiftbench.score``:

leak p
    Shift into prevalence: absolute error of log2 net (of the mean factor / of the median cell)
    where the true factor is 1 and the subpopulation moved. Goal: .1 at a shift of 4.
leak s
    Prevalence into shift: length of the estimated move of subpopulations that changed their
    share and did not move; in brackets the same from true labels (noise of donors and cells).
rmse net, rises, falls, rmse shift
    Root mean squared error of log2 net (mean / median) over all; mean error where the truth is +L
    and -L (of opposite signs: the change is told too small); error of the vector of the move.
wrong, mixed
    Mass that components send to components of another majority, and mass whose ends have
    different labels when drawn at random within the components (counts impure components, too).
cover, type I
    Share of 95 % donor intervals that hold the true factor, and share of p < .05 where it is 1;
    components with 90 % of one subpopulation. In brackets Welch's test on true labels.

Errors of log2 net and of moves are taken against the cells drawn, so that the luck of the donors
does not count; intervals against the shares that donors were drawn from.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from _accuracy import BENCH, load_shiftbench, missing, number, show, table, versions

import cgmm as cg

K, D, CLOSE, APART = 8, 15, 4.0, 7.0
RISES, FALLS = (0, 2), (1, 3)
MOVED = (0, 1, 4, 5)
PAIR_SHARE = 0.25
STEADY_SHARES = (0.20, 0.05, 0.15, 0.10)
DONOR_SHARE_SD, DONOR_MEAN_SD = 0.2, 0.1
PURE = 0.9
CLIP = 6.0

CHANGES = (0.0, 0.5, 1.0, 2.0)
SHIFTS = (0.0, 0.5, 1.0, 2.0, 4.0)
DIRECTIONS = ("own", "common")
PARTS = ("main", "donors", "batch", "components")
OURS = "cgmm"
METHODS = (
    OURS,
    "cluster_ratio",
    "harmony_cluster_ratio",
    "harmony_l1_cluster_ratio",
    "gmm_ratio",
    "gmm_ot",
)
REPLICATES, CELLS_PER_DONOR = 5, 600
GOAL = 0.1


@dataclass(frozen=True)
class Design:
    """One cell of the design."""

    change: float  #: L, log2
    shift: float  #: in standard deviations along one axis
    direction: str = "own"
    donors: int = 5  #: per arm
    batch: float = 0.0  #: sd of the offset of a batch, per axis
    components: int | None = None  #: per side; None: automatic


CENTRE = Design(change=1.0, shift=2.0)


def designs(parts: list[str]) -> dict[str, list[Design]]:
    """Cells of the design by part."""
    main = [
        Design(change, shift, direction)
        for direction in DIRECTIONS
        for shift in SHIFTS
        for change in CHANGES
        if shift > 0 or direction == DIRECTIONS[0]
    ]
    every = {
        "main": main,
        "donors": [replace(CENTRE, donors=n) for n in (3, 5, 10)],
        "batch": [replace(CENTRE, batch=sd) for sd in (0.0, 0.5, 1.0)],
        "components": [
            replace(CENTRE, components=n) for n in (None, K, round(0.7 * K), round(1.3 * K))
        ],
    }
    return {part: every[part] for part in parts}


# Simulation ------------------------------------------------------------------------------


class Simulated(NamedTuple):
    """A case and what it was drawn from."""

    case: Any  #: ``shiftbench.cases.Case``
    names: np.ndarray  #: (K,)
    log2_net: np.ndarray  #: (K,) of the shares that donors were drawn from
    shift: np.ndarray  #: (K,)


def simulate(
    bench: SimpleNamespace, design: Design, seed: int, cells_per_donor: int = CELLS_PER_DONOR
) -> Simulated:
    """Draw a case.

    Parameters
    ----------
    bench
        From :func:`_accuracy.load_shiftbench`.
    design
        The cell of the design.
    seed
        Of the replicate: the same geometry in every cell of the design.
    cells_per_donor
        Cells of each donor.

    Returns
    -------
    Simulated
    """
    rng = np.random.default_rng(seed)
    means = _means(rng)
    order = rng.permutation(K)
    factor = 2.0**design.change
    shares, change = np.empty(K), np.zeros(K)
    shares[list(RISES)] = PAIR_SHARE / (1 + factor)
    shares[list(FALLS)] = PAIR_SHARE * factor / (1 + factor)
    shares[4:] = STEADY_SHARES
    change[list(RISES)], change[list(FALLS)] = design.change, -design.change
    moved = np.isin(np.arange(K), MOVED) | (design.direction == "common")
    drawn = cg.simulate.points(
        n_components=K,
        n_dims=D,
        n_cells=cells_per_donor * design.donors,
        n_donors=design.donors,
        shares=shares[order],
        log2_change=change[order],
        shift=(design.shift * moved)[order],
        shift_direction=design.direction,
        means=means,
        donor_share_sd=DONOR_SHARE_SD,
        donor_mean_sd=DONOR_MEAN_SD,
        batch_sd=design.batch,
        random_state=seed,
    )
    case = bench.cases.Case(
        name="factorial",
        adata=drawn.to_anndata(),
        condition_key="condition",
        source="source",
        target="target",
        label_key="cell_type",
        donor_key="donor",
        rep="X_pca",
    )
    truth = drawn.truth
    return Simulated(case, truth["names"].astype(str), truth["log2_net"], truth["shift"])


def _means(rng: np.random.Generator) -> np.ndarray:
    """Four pairs of neighbours; pairs APART from each other, more or less."""
    while True:
        centres = rng.normal(size=(K // 2, D)) * APART / np.sqrt(2 * D)
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        if gaps[np.triu_indices(K // 2, 1)].min() > 0.8 * APART:
            break
    apart = rng.normal(size=(K // 2, D))
    apart *= CLOSE / 2 / np.linalg.norm(apart, axis=1, keepdims=True)
    return np.stack([centres - apart, centres + apart], axis=1).reshape(K, D)


# Methods ---------------------------------------------------------------------------------


@dataclass
class Reading:
    """What a method says of one case."""

    log2_factor: np.ndarray  #: (n_source,)
    displacement: np.ndarray  #: (n_source, D), NaN where there is none
    coupling: Any  #: ``shiftbench.score.Coupling``
    seconds: float
    factors: pd.DataFrame = field(default_factory=pd.DataFrame)  #: with intervals, ours only


def ours(bench: SimpleNamespace, case: Any, n_components: int | None, seed: int) -> Reading:
    """Fit the default call, except for ``n_components``."""
    adata = bench.run.blind(case).adata
    began = time.perf_counter()
    cg.tl.fit(
        adata,
        condition_key=case.condition_key,
        source=case.source,
        target=case.target,
        use_rep=case.rep,
        donor_key=case.donor_key,
        n_components=n_components,
        random_state=seed,
    )
    seconds = time.perf_counter() - began
    factors, moves = cg.get.factors(adata), cg.get.transfers(adata)
    k0, k1 = len(factors), len(cg.get.arrivals(adata))
    mass = np.zeros((k0, k1))
    mass[moves["source_component"], moves["target_component"]] = moves["mass"]
    resp = np.asarray(adata.obsm["cgmm_responsibilities"])
    coupling = bench.score.Coupling(mass, resp[case.is_source, :k0], resp[case.is_target, :k1])
    factor = adata.obs["cgmm_log2_net_factor"].to_numpy(dtype=float)[case.is_source]
    displacement = np.asarray(adata.obsm["cgmm_displacement"])[case.is_source]
    return Reading(factor, displacement, coupling, seconds, factors)


def peer(bench: SimpleNamespace, case: Any, method: str, seed: int) -> Reading:
    """Run a method of shiftbench; its clusters move from their source to their target centroid."""
    began = time.perf_counter()
    estimate = bench.methods.METHODS[method](bench.run.blind(case), seed)
    seconds = time.perf_counter() - began
    coupling = estimate.coupling
    if coupling is None:
        displacement = np.full((case.is_source.sum(), case.x.shape[1]), np.nan)
    else:
        displacement = barycentric(case.x[case.is_source], case.x[case.is_target], coupling)
    return Reading(estimate.log2_factor, displacement, coupling, seconds)


def barycentric(x_source: np.ndarray, x_target: np.ndarray, coupling: Any) -> np.ndarray:
    """Displacement of each source cell by the coupled centroids of its clusters.

    Parameters
    ----------
    x_source, x_target
        Cells, shapes (N0, D) and (N1, D).
    coupling
        Mass (K0, K1) and responsibilities (N0, K0), (N1, K1).

    Returns
    -------
    Shape (N0, D); NaN in cells of clusters that send nothing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        m0, m1 = (
            r.T @ x / r.sum(axis=0)[:, None]
            for r, x in ((coupling.resp_source, x_source), (coupling.resp_target, x_target))
        )
        to = coupling.mass / coupling.mass.sum(axis=1, keepdims=True)
        move = to @ np.nan_to_num(m1) - m0
    lost = ~np.isfinite(move).all(axis=1)
    displacement = coupling.resp_source @ np.nan_to_num(move)
    displacement[coupling.resp_source[:, lost].sum(axis=1) > 0.5] = np.nan
    return displacement


# Scores ----------------------------------------------------------------------------------


def score(bench: SimpleNamespace, drawn: Simulated, reading: Reading) -> pd.DataFrame:
    """Score one reading.

    Parameters
    ----------
    bench
        From :func:`_accuracy.load_shiftbench`.
    drawn
        From :func:`simulate`.
    reading
        From :func:`ours` or :func:`peer`.

    Returns
    -------
    One row per true subpopulation, with the scores of the whole fit repeated in each.
    """
    case = drawn.case
    per_label = bench.score.estimate_table(case, reading.log2_factor).loc[drawn.names]
    source, target = case.x[case.is_source], case.x[case.is_target]
    rows = []
    for name, log2_net, shift in zip(drawn.names, drawn.log2_net, drawn.shift, strict=True):
        of_source = case.labels[case.is_source] == name
        of_target = case.labels[case.is_target] == name
        moved = target[of_target].mean(axis=0) - source[of_source].mean(axis=0)
        own = reading.displacement[of_source]
        told = own[np.isfinite(own).all(axis=1)]
        said = told.mean(axis=0) if len(told) else np.full(source.shape[1], np.nan)
        line = per_label.loc[name]
        rows.append(
            {
                "subpopulation": name,
                "log2_net": log2_net,
                "shift": shift,
                "error_mean": np.clip(line["estimate"], -CLIP, CLIP) - line["truth"],
                "error_median": line["median"] - line["truth"],
                "moved": np.linalg.norm(said),
                "moved_labels": np.linalg.norm(moved),
                "error_moved": np.linalg.norm(said - moved),
            }
        )
    frame = pd.DataFrame(rows).assign(seconds=reading.seconds)
    if reading.coupling is not None:
        scores = bench.score.coupling_scores(case, reading.coupling)
        frame["wrong"], frame["mixed"] = 1 - scores["agree_major"], 1 - scores["agree"]
        frame["k_source"], frame["k_target"] = reading.coupling.mass.shape
    for name, (hit, n) in interval_scores(drawn, reading).items():
        frame[f"{name}_hit"], frame[f"{name}_n"] = hit, n
    return frame


def interval_scores(drawn: Simulated, reading: Reading) -> dict[str, tuple[int, int]]:
    """Count intervals that hold the truth and false alarms: (hits, of how many).

    Keys cover, alarm (components of the fit, when it has intervals), cover_labels, alarm_labels
    (Welch's test of the donors' log2 shares of the true labels).
    """
    case = drawn.case
    low, high, p = _label_intervals(drawn)
    flat = np.abs(drawn.log2_net) < 1e-9
    held = (low <= drawn.log2_net) & (drawn.log2_net <= high)
    counts = {
        "cover_labels": (int(held.sum()), len(held)),
        "alarm_labels": (int((p[flat] < 0.05).sum()), int(flat.sum())),
    }
    if reading.factors.empty:
        return counts
    labels = (case.labels[case.is_source][:, None] == drawn.names).astype(float)
    inside = reading.coupling.resp_source.T @ labels
    inside /= np.maximum(inside.sum(axis=1, keepdims=True), 1e-12)
    truth = np.log2(inside @ np.exp2(drawn.log2_net))
    found = reading.factors
    usable = (inside.max(axis=1) >= PURE) & found["ci_low"].notna().to_numpy()
    held = ((found["ci_low"] <= truth) & (truth <= found["ci_high"])).to_numpy()
    null = usable & flat[inside.argmax(axis=1)]
    counts["cover"] = (int(held[usable].sum()), int(usable.sum()))
    counts["alarm"] = (int((found["p"].to_numpy()[null] < 0.05).sum()), int(null.sum()))
    return counts


def _label_intervals(drawn: Simulated) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Welch intervals and p of the true labels, shapes (K,)."""
    case = drawn.case
    donors = case.adata.obs[case.donor_key].astype(str).to_numpy()
    sides = []
    for mask in (case.is_target, case.is_source):
        counts = pd.crosstab(donors[mask], case.labels[mask]).reindex(
            columns=list(drawn.names), fill_value=0
        )
        shares = (counts + 0.5).div(counts.sum(axis=1) + 0.5, axis=0)
        sides.append(np.log2(shares.to_numpy()))
    test = scipy.stats.ttest_ind(*sides, equal_var=False)
    interval = test.confidence_interval(0.95)
    return interval.low, interval.high, test.pvalue


# Tables ----------------------------------------------------------------------------------


def run(
    bench: SimpleNamespace,
    parts: dict[str, list[Design]],
    methods: list[str],
    replicates: int,
    cells_per_donor: int,
) -> pd.DataFrame:
    """Run every cell of the design once, whatever parts it belongs to; one row per subpopulation.

    Peers run in the main part only; they have no number of components to misspecify.
    """
    frames = []
    for design in dict.fromkeys(d for cells in parts.values() for d in cells):
        in_main = design in parts.get("main", [])
        for seed in range(replicates):
            drawn = simulate(bench, design, seed, cells_per_donor)
            for method in methods:
                if method == OURS:
                    reading = ours(bench, drawn.case, design.components, seed)
                elif in_main:
                    reading = peer(bench, drawn.case, method, seed)
                else:
                    continue
                frame = score(bench, drawn, reading)
                frames.append(frame.assign(design=_column(design), seed=seed, method=method))
                sys.stderr.write(f"{design} {seed} {method}: {reading.seconds:.1f} s\n")
    return pd.concat(frames, ignore_index=True)


def _column(design: Design) -> pd.Series:
    return pd.Series([design] * K, dtype=object)


def summarise(rows: pd.DataFrame) -> dict[str, float]:
    """Scores of one cell of the design and one method, over replicates.

    Parameters
    ----------
    rows
        Of :func:`run`, one design and method.

    Returns
    -------
    Name -> value, NaN where there is nothing to score.
    """
    flat = np.isclose(rows["log2_net"], 0)
    leaks = rows[flat & (rows["shift"] > 0)]
    still = rows[~flat & (rows["shift"] == 0)]
    worse = leaks[["error_mean", "error_median"]].abs().max(axis=1)
    fits = rows.drop_duplicates(["seed", "design"])
    found = {
        "leak_mean": leaks["error_mean"].abs().mean(),
        "leak_median": leaks["error_median"].abs().mean(),
        "leak_worst": worse.max(),
        "leak_shift": still["moved"].mean(),
        "leak_shift_labels": still["moved_labels"].mean(),
        "rmse_mean": np.sqrt((rows["error_mean"] ** 2).mean()),
        "rmse_median": np.sqrt((rows["error_median"] ** 2).mean()),
        "bias_rises": rows.loc[rows["log2_net"] > 1e-9, "error_mean"].mean(),
        "bias_falls": rows.loc[rows["log2_net"] < -1e-9, "error_mean"].mean(),
        "rmse_moved": np.sqrt((rows["error_moved"] ** 2).mean()),
        "seconds": fits["seconds"].mean(),
    }
    for name in ("wrong", "mixed", "k_source", "k_target"):
        found[name] = fits[name].mean() if name in fits else np.nan
    for name in ("cover", "alarm", "cover_labels", "alarm_labels"):
        n = fits[f"{name}_n"].sum() if f"{name}_n" in fits else 0
        found[name] = fits[f"{name}_hit"].sum() / n if n else np.nan
    return found


HEAD = [
    "leak p",
    "worst",
    "leak s",
    "rmse net",
    "rises",
    "falls",
    "rmse shift",
    "wrong",
    "mixed",
    "cover",
    "type I",
    "K",
    "s",
]


def _cells(found: dict[str, float]) -> list[str]:
    def two(first: str, second: str) -> str:
        return f"{number(found[first])}/{number(found[second])}"

    def beside(name: str) -> str:
        if np.isnan(found[f"{name}_labels"]):
            return "-"
        return f"{number(found[name])} ({number(found[f'{name}_labels'])})"

    return [
        two("leak_mean", "leak_median"),
        number(found["leak_worst"]),
        beside("leak_shift"),
        two("rmse_mean", "rmse_median"),
        *(number(found[k]) for k in ("bias_rises", "bias_falls", "rmse_moved", "wrong", "mixed")),
        beside("cover"),
        beside("alarm"),
        f"{number(found['k_source'], 0)}+{number(found['k_target'], 0)}",
        number(found["seconds"], 1),
    ]


def report(rows: pd.DataFrame, parts: dict[str, list[Design]], absent: dict[str, str]) -> list[str]:
    """All tables: our fit by cell of the design, then the leaks of all methods."""
    lines: list[str] = []
    own = rows[rows["method"] == OURS]
    if len(own):
        for part, cells in parts.items():
            label = {"main": "shift", "components": "K"}.get(part, part)
            body = []
            for design in cells:
                key = {
                    "main": f"{design.direction:8}{design.shift:3.1f} {design.change:4.1f}",
                    "donors": str(design.donors),
                    "batch": str(design.batch),
                    "components": str(design.components or "automatic"),
                }[part]
                body.append([key, *_cells(summarise(own[own["design"] == design]))])
            title = "shift       by   L" if part == "main" else label
            if part == "main":
                body.append(["all", *_cells(summarise(own[own["design"].isin(cells)]))])
            lines += [f"{OURS}, {part}:", *table([title, *HEAD], body), ""]
    for value in ("leak p", "leak s", "wrong", "rmse net"):
        lines += [*_by_method(rows, parts, value, absent), ""]
    at_most = own[
        [d.shift == max(SHIFTS) and d.components is None and d.batch == 0 for d in own["design"]]
    ]
    if len(at_most):
        found = summarise(at_most)
        leak = max(found["leak_mean"], found["leak_median"])
        verdict = "reached" if leak <= GOAL else "missed"
        lines.append(
            f"Goal: leak of a shift of {max(SHIFTS):g} into prevalence <= {GOAL}: "
            f"{leak:.2f} on average, {found['leak_worst']:.2f} at worst: {verdict}"
        )
    return lines


def _by_method(
    rows: pd.DataFrame, parts: dict[str, list[Design]], value: str, absent: dict[str, str]
) -> list[str]:
    """One score of every method along the shift, or along L for leaks into shift."""
    if "main" not in parts:
        return []
    main = rows[rows["design"].isin(parts["main"])]
    by_change = value == "leak s"
    if by_change:
        heads = [f"{c:g}" for c in CHANGES if c > 0]
        keys = [f"{d.change:g}" for d in main["design"]]
    else:
        heads = [f"{kind} {s:g}" for kind in DIRECTIONS for s in SHIFTS if s > 0]
        keys = [f"{d.direction} {d.shift:g}" for d in main["design"]]
    main = main.assign(key=keys)
    body = []
    for method, part in main.groupby("method", sort=False):
        cells = []
        for head in heads:
            found = summarise(part[part["key"] == head])
            cells.append(
                {
                    "leak p": f"{number(found['leak_mean'])}/{number(found['leak_median'])}",
                    "leak s": number(found["leak_shift"]),
                    "wrong": number(found["wrong"]),
                    "rmse net": f"{number(found['rmse_mean'])}/{number(found['rmse_median'])}",
                }[value]
            )
        body.append([str(method), *cells, number(summarise(part)["seconds"], 1)])
    body += [[method, why] for method, why in absent.items()]
    along = "L, of unmoved subpopulations (own)" if by_change else "kind and length of the shift"
    return [f"{value}, all methods, by {along}:", *table(["method", *heads, "s"], body)]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bench", type=Path, default=BENCH, help="folder that holds shiftbench")
    parser.add_argument("--part", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--cells-per-donor", type=int, default=CELLS_PER_DONOR)
    parser.add_argument("--out", type=Path, help="write one line per subpopulation, as .tsv")
    args = parser.parse_args(argv)
    args.part, args.methods = args.part.split(","), args.methods.split(",")
    if strangers := [p for p in args.part if p not in PARTS]:
        parser.error(f"{strangers[0]!r} is no part; there are {', '.join(PARTS)}")
    return args


def main(argv: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    args = parse(argv)
    warnings.simplefilter("ignore", FutureWarning)
    bench = load_shiftbench(args.bench)
    known = {**bench.methods.METHODS, OURS: None}
    absent = missing(args.methods, known)
    methods = [m for m in args.methods if m not in absent]
    bench.run.warm_up()
    parts = designs(args.part)
    rows = run(bench, parts, methods, args.replicates, args.cells_per_donor)
    if args.out is not None:
        about = pd.DataFrame([vars(d) for d in rows["design"]]).add_prefix("design_")
        flat = pd.concat([about, rows.drop(columns="design")], axis=1)
        flat.to_csv(args.out, sep="\t", index=False, float_format="%.4f")
    complete = (
        args.part == list(PARTS)
        and set(args.methods) == set(METHODS)
        and args.replicates >= REPLICATES
        and args.cells_per_donor == CELLS_PER_DONOR
    )
    show(
        "factorial",
        f"Factorial simulation: {K} subpopulations, {D} dimensions, {args.replicates} replicates, "
        f"{args.cells_per_donor} cells per donor",
        [
            versions(),
            "What the columns mean: benchmarks/factorial.py",
            "",
            *report(rows, parts, absent),
        ],
        keep=complete,
    )


if __name__ == "__main__":
    main()
