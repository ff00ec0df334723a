"""A finding in words: prevalence, match and state."""

from __future__ import annotations

import numpy as np

from cgmm.report.claims.finding import Finding
from cgmm.report.claims.states import Prevalence, Shift
from cgmm.report.page import text
from cgmm.thresholds import ALPHA, MAIN_SHARE, MIN_DONORS

HARDLY_ANY = "hardly any cells left"  # of a population that seems gone, where nothing was tested


def brief(finding: Finding) -> str:
    """Write the state in words, for a table or a figure that is about prevalence alone."""
    if finding.gone_untested:
        return HARDLY_ANY
    return finding.prevalence.brief


def prevalence_text(finding: Finding) -> str:
    """Write what happened to the prevalence, with the factor and its interval."""
    words = finding.prevalence.words
    if finding.prevalence is Prevalence.NEW and np.isfinite(finding.share_source):
        before, after = text.percent(finding.share_source), text.percent(finding.share_target)
        return f"new ({before} to {after} of cells{_tested(finding)})"
    if not finding.prevalence.has_factor:
        return words
    if finding.prevalence is Prevalence.GONE:
        before, after = text.percent(finding.share_source), text.percent(finding.share_target)
        number = f"{text.fold(finding.log2_net)}; " if np.isfinite(finding.log2_net) else ""
        if finding.gone_untested:
            return f"{HARDLY_ANY} ({number}{before} to {after} of cells, not tested)"
        return f"gone or nearly so ({number}{before} to {after} of cells{_tested(finding)})"
    number = text.fold(finding.log2_net)
    if finding.has_interval:
        number += f" {text.bracket(text.fold_range(finding.ci_low, finding.ci_high))}"
        if finding.donors_up is not None and finding.donors_paired >= MIN_DONORS:
            up = finding.donors_up
            total = finding.donors_paired
            many, word = (up, "up") if up * 2 >= total else (total - up, "down")
            number += f"; {word} in {many} of {total} donors"
        leaves_out_one = finding.ci_low * finding.ci_high > 0
        if finding.prevalence is Prevalence.UNCLEAR and (leaves_out_one or finding.q < ALPHA):
            number += f"; q {text.probability(finding.q)}" if np.isfinite(finding.q) else ""
    else:
        number += ", not tested"
    if np.isfinite(finding.by_origin):
        number += f"; {text.fold(finding.by_origin)} by the cells assigned to it"
    return f"{words} ({number})"


def _tested(finding: Finding) -> str:
    """Write the q of a population that is new or gone, or that there is none."""
    q = finding.q
    return f"; q {text.probability(q)}" if np.isfinite(q) else "; not tested"


def shift_number(finding: Finding) -> str:
    """Write the distance moved, with its interval where there is one."""
    number = f"{text.fixed(finding.shift_sd)} SD"
    if finding.has_shift_interval:
        number += f" {text.bracket(text.fixed_range(finding.shift_low, finding.shift_high))}"
    return number


def led_by(finding: Finding) -> str:
    """Name the leading genes and their direction."""
    return "led by " + ", ".join(
        f"{gene}\u00a0{'↑' if change > 0 else '↓'}" for gene, change in finding.genes
    )


def state_text(finding: Finding) -> str:
    """Write how far the state moved, and the leading genes of a visible shift."""
    left_out = finding.prevalence in {Prevalence.GONE, Prevalence.NEW}
    if left_out or finding.state is Shift.UNKNOWN:
        return ""
    if finding.has_shift_interval:
        sentence = f"{finding.state.words} ({shift_number(finding)})"
    else:
        sentence = f"{finding.state.untested_words} ({shift_number(finding)}, not tested)"
    if finding.genes and finding.state.is_seen:
        sentence += f", {led_by(finding)}"
    return sentence


def transfer_text(finding: Finding, target: str) -> str:
    """Write the main counterpart, where it has another name or takes less than most."""
    if finding.prevalence is Prevalence.GONE or not finding.goes_to:
        return ""
    if finding.goes_to != finding.name:
        return f"matches {finding.goes_to} in {target} ({goes_number(finding)})"
    if finding.goes_share < MAIN_SHARE:
        return f"only {goes_number(finding)} goes on under the same name in {target}"
    return ""


def goes_number(finding: Finding) -> str:
    """Write the part that goes to the main counterpart."""
    return f"{text.percent(finding.goes_share)} of it"
