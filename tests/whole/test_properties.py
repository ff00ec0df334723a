"""What holds for every input: identities of the coupling, symmetries, round trips, settings."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import cgmm as cg
from cgmm._utils.arguments import check_whole
from cgmm._utils.h5ad import storable
from cgmm._utils.strict_json import dumps, loads
from cgmm.coupled.fit import ConvergenceWarning
from cgmm.pp._samples import listed
from cgmm.results.fit_files import load_fit, save_fit
from cgmm.results.recipe import fault_of
from cgmm.transport.coupling import log2_net, share_of_target, transfer_mass
from workflow.config import load
from workflow.validation import SettingsError

D = 2
# two shapes of mixtures in all, because each is compiled
#: derandomised: a suite must not fail by chance; no deadline: a first call compiles
some = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
few = settings(some, max_examples=6)
seeds = st.integers(0, 2**32 - 1)
penalties = st.floats(0.05, 50.0)


def drawn(seed: int, k: int, far: float = 4.0) -> cg.GaussianMixture:
    """Draw a mixture of ``k`` components."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, D, D)) + 2 * np.eye(D)
    return cg.GaussianMixture(
        rng.dirichlet(np.full(k, 3.0)),
        rng.normal(scale=far, size=(k, D)),
        factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(D),
    )


def transport(g: cg.GaussianMixture, h: cg.GaussianMixture, epsilon: float, rho: float) -> Any:
    with jax.enable_x64(True):
        cost, plan = cg.transport_cost(g, h, epsilon=epsilon, rho=rho)
    return float(cost), np.asarray(plan)


def fit(x: np.ndarray, y: np.ndarray, **options: Any) -> cg.CoupledFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cg.fit_coupled(x, y, max_steps=8, **options)


# Coupling ------------------------------------------------------------------------------------


@some
@given(seeds, penalties, penalties)
def test_target_weights_are_source_weights_carried(seed: int, epsilon: float, rho: float) -> None:
    """``pi1_l = sum_k pi0_k out_k T_kl in_l``, whatever the penalties."""
    g, h = drawn(seed, 2), drawn(seed + 1, 3)
    cost, w = transport(g, h, epsilon, rho)
    assert np.isfinite(cost)
    assert (w >= 0).all()
    leave, enter = w.sum(1), w.sum(0)
    assume(leave.min() > 0 and enter.min() > 0)  # else a component is gone, and has no factor
    out, into, split = leave / g.weights, h.weights / enter, w / leave[:, None]
    carried = np.einsum("k,k,kl,l->l", g.weights, out, split, into)
    np.testing.assert_allclose(carried, h.weights, rtol=1e-10)


@some
@given(seeds, penalties)
def test_balanced_transport_keeps_both_marginals(seed: int, epsilon: float) -> None:
    g, h = drawn(seed, 2), drawn(seed + 1, 3)
    _, w = transport(g, h, epsilon, np.inf)
    np.testing.assert_allclose(w.sum(1), g.weights, rtol=1e-7)
    np.testing.assert_allclose(w.sum(0), h.weights, rtol=1e-7)


@some
@given(seeds, penalties, penalties)
def test_swapping_the_sides_transposes_the_coupling(seed: int, epsilon: float, rho: float) -> None:
    g, h = drawn(seed, 2), drawn(seed + 1, 3)
    one, w = transport(g, h, epsilon, rho)
    two, v = transport(h, g, epsilon, rho)
    assert one == pytest.approx(two, rel=1e-8, abs=1e-9)
    # the solver's marginals err by 1e-11 of a weight: a coupling below that is not determined
    np.testing.assert_allclose(w, v.T, rtol=1e-6, atol=2e-11)


@some
@given(seeds, st.permutations(range(3)), penalties, penalties)
def test_order_of_components_does_not_matter(
    seed: int, order: list[int], epsilon: float, rho: float
) -> None:
    g, h = drawn(seed, 3), drawn(seed + 1, 2)
    mixed = cg.GaussianMixture(g.weights[order], g.means[order], g.covariances[order])
    one, w = transport(g, h, epsilon, rho)
    two, v = transport(mixed, h, epsilon, rho)
    assert one == pytest.approx(two, rel=1e-9, abs=1e-10)
    np.testing.assert_allclose(w[order], v, rtol=1e-7, atol=1e-13)


@some
@given(seeds, st.floats(1e-3, 1e3), penalties, penalties)
def test_units_of_the_points_do_not_matter(
    seed: int, unit: float, epsilon: float, rho: float
) -> None:
    """Points in other units, penalties in their squares: the same coupling."""
    g, h = drawn(seed, 2), drawn(seed + 1, 3)
    one, w = transport(g, h, epsilon, rho)
    scaled = [
        cg.GaussianMixture(m.weights, m.means * unit, m.covariances * unit**2) for m in (g, h)
    ]
    two, v = transport(*scaled, epsilon * unit**2, rho * unit**2)
    assert two == pytest.approx(one * unit**2, rel=1e-7, abs=1e-9 * unit**2)
    np.testing.assert_allclose(w, v, rtol=1e-6, atol=1e-12)


@some
@given(seeds, penalties, penalties)
def test_a_mixture_onto_itself_has_no_net_factor(seed: int, epsilon: float, rho: float) -> None:
    """The coupling is symmetric, so ``out_k in_k = 1``."""
    g = drawn(seed, 2)
    _, w = transport(g, g, epsilon, rho)
    np.testing.assert_allclose(w, w.T, rtol=1e-6, atol=1e-12)
    factors = (w.sum(1) / g.weights) * (g.weights / w.sum(0))
    np.testing.assert_allclose(factors, 1.0, rtol=1e-6)


# Shares and factors --------------------------------------------------------------------------


@some
@given(arrays(float, (4, 3), elements=st.floats(0, 1)), seeds)
def test_shares_carried_to_the_target_add_up(coupling: np.ndarray, seed: int) -> None:
    """Every target cell came from somewhere, every source cell went somewhere, unless gone."""
    rng = np.random.default_rng(seed)
    coupling = coupling + 1e-6
    s, t = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3))
    origin = share_of_target(coupling, s)
    mass = transfer_mass(coupling, s)
    np.testing.assert_allclose(origin.sum(axis=0), 1.0)
    np.testing.assert_allclose(mass.sum(axis=1), s)
    assert (origin @ t).sum() == pytest.approx(1.0)
    net = log2_net(origin, s, t)
    assert np.isfinite(net).all()
    np.testing.assert_allclose(s * np.exp2(net), origin @ t, rtol=1e-9)


# Mixtures and the fit ------------------------------------------------------------------------


@some
@given(seeds, st.integers(1, 4), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_responsibilities_are_shares_wherever_the_points_lie(
    seed: int, k: int, offset: float, unit: float
) -> None:
    g = drawn(seed, k)
    x = np.random.default_rng(seed).normal(scale=30, size=(20, D))
    r = g.responsibilities(x)
    np.testing.assert_allclose(r.sum(1), 1.0)
    assert ((r >= 0) & (r <= 1)).all()
    moved = cg.GaussianMixture(g.weights, g.means * unit + offset, g.covariances * unit**2)
    np.testing.assert_allclose(moved.responsibilities(x * unit + offset), r, atol=1e-4)
    assert np.isfinite(g.log_prob(x)).all()


@few
@given(seeds, st.permutations(range(40)))
def test_order_of_cells_does_not_matter(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, D)), rng.normal(size=(30, D)) + 1
    w = rng.uniform(0.1, 1, size=40)
    start = drawn(seed, 2, far=1.0)
    one = fit(x, y, init=start, weights_source=w)
    two = fit(x[order], y, init=start, weights_source=w[order])
    assert two.objective == pytest.approx(one.objective, rel=1e-9)
    np.testing.assert_allclose(one.coupling, two.coupling, rtol=1e-6, atol=1e-9)


@few
@given(seeds, st.floats(0.1, 10.0))
def test_only_ratios_of_weights_matter_and_swapped_sides_invert(seed: int, times: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, D)), rng.normal(size=(40, D)) + 1
    w = rng.uniform(0.1, 1, size=40)
    g, h = drawn(seed, 2, far=1.0), drawn(seed + 1, 2, far=1.0)
    one = fit(x, y, init=(g, h), weights_source=w)
    two = fit(x, y, init=(g, h), weights_source=w * times)
    np.testing.assert_allclose(one.coupling, two.coupling, rtol=1e-6, atol=1e-9)
    back = fit(y, x, init=(h, g), weights_target=w)
    # the M-step visits the sides in turn, so both climb the same hill, not by the same steps
    assert back.objective == pytest.approx(one.objective, abs=0.05)
    assert np.isfinite(one.net_factors).all()
    np.testing.assert_allclose(
        one.net_factors * (1 / one.out_factors)[:, None], np.tile(one.in_factors, (2, 1))
    )


# Tables and files ----------------------------------------------------------------------------


def test_tables_of_one_fit_agree(fitted: ad.AnnData) -> None:
    factors, transfers = cg.get.factors(fitted), cg.get.transfers(fitted)
    arrivals, table = cg.get.arrivals(fitted), cg.get.components(fitted)
    assert factors["share_source"].sum() == pytest.approx(1.0)
    assert factors["share_target"].sum() == pytest.approx(1.0)
    ratio = np.log2(factors["share_target"] / factors["share_source"])
    np.testing.assert_allclose(factors["log2_net_fit"], ratio, atol=1e-3)
    came = transfers.groupby("source_component")["mass"].sum()
    np.testing.assert_allclose(came, factors["share_target"], atol=1e-4)
    shares = transfers.groupby("target_component")["share_of_target"].sum()
    np.testing.assert_allclose(shares, 1.0, atol=1e-3)
    own = table[table["side"] == "source"]
    np.testing.assert_array_equal(own["name"], factors["name"])
    assert arrivals["share_target"].sum() == pytest.approx(1.0)
    in_all = cg.get.factors(fitted, by="condition")
    assert in_all["share_target"].sum() == pytest.approx(1.0)


@few
@given(seeds, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_a_fit_comes_back_from_its_files(
    tmp_path: Path, seed: int, k0: int, k1: int, extreme: bool
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=3) if not extreme else np.array([np.inf, -np.inf, np.nan])
    made = cg.CoupledFit(
        source=drawn(seed, k0),
        target=drawn(seed + 1, k1),
        coupling=rng.uniform(size=(k0, k1)),
        costs=rng.uniform(size=(k0, k1)),
        transport_cost=float(values[0]),
        shares_source=rng.dirichlet(np.ones(k0)),
        shares_target=rng.dirichlet(np.ones(k1)),
        log_likelihood=(float(values[1]), float(values[2])),
        objective=-1.0,
        converged=bool(seed % 2),
        status='a "sentence" of any kind\n',
        history=rng.normal(size=4),
        n_steps=4,
        seconds=0.1,
        parameters={"rho": float(values[0]), "n_components": [k0, k1], "locked": None},
        metric=np.eye(D) if seed % 3 else None,
    )
    save_fit(made, tmp_path / "fit")
    back = load_fit(tmp_path / "fit")
    for name in ("coupling", "costs", "shares_source", "shares_target", "history"):
        np.testing.assert_array_equal(getattr(made, name), getattr(back, name))
    for side in ("source", "target"):
        for part in ("weights", "means", "covariances"):
            np.testing.assert_array_equal(
                getattr(getattr(made, side), part), getattr(getattr(back, side), part)
            )
    assert repr(back.parameters) == repr(made.parameters)
    assert repr(back.log_likelihood) == repr(made.log_likelihood)
    assert (back.status, back.converged) == (made.status, made.converged)
    assert (back.metric is None) == (made.metric is None)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=12,
)


@some
@given(values)
def test_json_comes_back_strict(value: Any) -> None:
    """Text that reads like a number that is none comes back as one: the only loss."""
    text = dumps(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = loads(text)
    words = ("NaN", "Infinity", "-Infinity")

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, float) and math.isnan(a):
            return isinstance(b, float) and math.isnan(b)
        return a in words or (type(a) is type(b) and a == b)

    assert same(value, back)


@some
@given(st.lists(st.text(max_size=12), max_size=20))
def test_tables_of_any_text_are_storable(texts: list[str]) -> None:
    frame = pd.DataFrame({"name": pd.Series(texts, dtype=object)})
    assert list(storable(frame)["name"].astype(str)) == texts
    assert "more" in listed(texts) or len(texts) <= 8


# Settings ------------------------------------------------------------------------------------

KEYS = ("comparisons", "samples", "qc", "fit", "donors", "n_pcs", "name")


@settings(some, max_examples=80)
@given(
    values
    | st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
    | st.fixed_dictionaries(
        {
            "comparisons": st.lists(
                st.dictionaries(
                    st.sampled_from(("name", "source", "target", "title", "dataset")), values
                ),
                max_size=3,
            )
        }
    )
)
def test_settings_are_taken_or_refused_in_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:  # there is no sample sheet here
        load(config)
    assert all(
        problem.endswith((".", "?", "`")) or ":" in problem for problem in caught.value.problems
    )


@some
@given(st.text(max_size=200) | st.lists(st.text(max_size=12), max_size=30).map("\t".join))
def test_sheets_are_taken_or_refused_in_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = "sample\tpath\tcondition\n" + text
    (tmp_path / "samples.tsv").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(SettingsError):
        load({"samples": "samples.tsv"})


@some
@given(values)
def test_recipes_of_any_shape_get_an_answer(value: Any) -> None:
    problem = fault_of(value)
    assert isinstance(problem, str)
    assert problem.strip()


@some
@given(st.integers(-5, 5) | st.floats() | st.text(max_size=3) | st.none() | st.booleans())
def test_whole_numbers_are_whole(value: Any) -> None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and value in (1, 2, 3, 4)
    if fits:
        number = check_whole("n", value, 1, 4)
        assert type(number) is int
        assert number == value
        return
    with pytest.raises((TypeError, ValueError), match=r"^n must be a whole number from 1 to 4"):
        check_whole("n", value, 1, 4)
