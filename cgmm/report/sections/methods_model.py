"""Methods text, second part: the model, its settings, and how the fit went."""

from __future__ import annotations

from typing import Any

from cgmm.report.page import text
from cgmm.report.sections.references import Citations
from cgmm.results.read import Results

SETTINGS = (
    ("transport_weight", "transport weight λ"),
    ("epsilon", "entropy ε"),
    ("rho", "marginal penalty ρ"),
)
LEARNED = (
    ", in a metric learned from matched components: the inverse of their covariance plus the "
    "covariance of the movement, found by expectation–maximisation"
)


def model_paragraph(results: Results, citations: Citations) -> str:
    """Write the model, its settings, the start of the fit and how it converged."""
    parameters = results.meta.get("parameters") or {}
    k0, k1 = parameters.get("n_components") or ("several", "several")
    values = [
        f"{words} = {_shown(parameters[key])}"
        for key, words in SETTINGS
        if parameters.get(key) is not None
    ]
    kind = parameters.get("covariance_type")
    version = (results.meta.get("versions") or {}).get("cgmm")
    given = f" with {text.join(values)}" if values else ""
    cite = citations.cite
    sentences = [
        f"The two conditions were described by two coupled Gaussian mixtures (cgmm"
        f"{' ' + str(version) if version else ''}) with {k0} and {k1} components"
        f"{f' and {kind} covariances' if kind else ''}, which maximise the sum of both mean "
        "log-likelihoods minus λ times the unbalanced optimal transport cost between the two sets "
        f"of components{given}. The model extends the mixture-Wasserstein "
        f"distance {cite('delon2020')} to unequal masses {cite('liero2018', 'chizat2018')}, as the "
        f"pair fit of OTT-JAX does {cite('cuturi2022')}; the cost between two components is their "
        f"squared Bures–Wasserstein distance {cite('bhatia2019')}"
        f"{LEARNED if _reason(results, 'metric') else ''}."
    ]
    return " ".join([*sentences, *_choice(results, citations), *_course(results)])


def _reason(results: Results, key: str) -> str:
    return str((results.meta.get("reasons") or {}).get(key) or "")


def _choice(results: Results, citations: Citations) -> list[str]:
    """Write how the start was made, when the number of components was chosen from the data."""
    why = _reason(results, "n_components")
    if not why:
        return []
    cite = citations.cite
    return [
        f"Fits started from Leiden clusters {cite('traag2019')} of each condition by itself at "
        "several resolutions; the partition whose factors lie nearest to the factors of the others "
        f"was taken, by stability {cite('vonluxburg2010')} ({why})."
    ]


def _course(results: Results) -> list[str]:
    """Write how the fit converged."""
    fit = results.fit
    sentences = []
    if fit.get("n_steps"):
        state = " and converged" if fit.get("converged") else " without converging"
        sentences.append(
            f"The fit (expectation–maximisation with closed-form updates"
            f"{f', JAX {v}' if (v := _jax(results)) else ''}) took {_steps(fit['n_steps'])}{state}."
        )
    if text.is_number(fit.get("F")):
        sentences.append(f"The matched mass was F = {text.fixed(fit['F'])}.")
    parameters = results.meta.get("parameters") or {}
    seed = parameters.get("random_state")
    if seed is not None:
        sentences.append(f"The random seed was {seed}.")
    return sentences


def _jax(results: Results) -> str:
    return str((results.meta.get("versions") or {}).get("jax") or "")


def _steps(value: Any) -> str:
    return text.plural(int(value), "step") if text.is_number(value) else f"{value} steps"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if text.is_number(value) else str(value)
