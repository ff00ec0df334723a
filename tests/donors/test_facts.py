from __future__ import annotations

from cgmm.donors.baseline import Baseline
from cgmm.donors.facts import Exchanges, Facts
from cgmm.donors.reasons import Reason


def facts(exchanges: Exchanges | None) -> Facts:
    return Facts(
        test="moderated_t",
        test_reason=Reason.ASKED_FOR.note(),
        level=0.9,
        n_donors=(4, 5),
        paired=False,
        adjusted_for_batch=True,
        baseline=Baseline("subpopulation", 2),
        baseline_log2=0.25,
        source="donors",
        notes=(Reason.CELLS_OF_LARGE_DONORS.note(n_cells=4000),),
        exchanges=exchanges,
    )


def test_the_stored_dict_holds_plain_values_and_sentences() -> None:
    assert facts(Exchanges(34, 35, 1 / 35)).to_dict() == {
        "test": "moderated_t",
        "test_reason": "asked for",
        "level": 0.9,
        "n_donors": [4, 5],
        "paired": False,
        "adjusted_for_batch": True,
        "baseline": "subpopulation",
        "baseline_log2": 0.25,
        "source": "donors",
        "sentences": ["Refits look at 4,000 cells of every donor that has more."],
        "n_permutations": 34,
        "n_distinct": 35,
        "smallest_p": 1 / 35,
    }


def test_exchanges_that_were_not_made_are_not_stored() -> None:
    assert "n_permutations" not in facts(None).to_dict()
    none_made = facts(Exchanges(0)).to_dict()
    assert none_made["n_permutations"] == 0
    assert not {"n_distinct", "smallest_p"} & set(none_made)
