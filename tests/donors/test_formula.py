"""A formula gives the matrix, the contrasts and the sentence that its author means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgmm.donors.formula import columns_of, model
from tests.donors.designs import ENDS

TABLE = pd.DataFrame(
    {
        "condition": ["control"] * 6 + ["treated"] * 6,
        "sex": list("mfmfmf") * 2,
        "age": [31, 44, 52, 38, 29, 60, 33, 41, 55, 36, 48, 27],
        "genotype": ["wt", "wt", "wt", "ko", "ko", "ko"] * 2,
        "dose": [1.0, 2.0, 4.0] * 4,
        "lane 1": list("xxyyzzxyzxyz"),
    }
)


def made(formula: str, table: pd.DataFrame = TABLE, **options: object):
    return model(formula, table, **ENDS, **options)


def test_the_matrix_is_that_of_the_textbook() -> None:
    found = made("~ condition + sex + age")
    treated = (TABLE["condition"] == "treated").to_numpy(float)
    male = (TABLE["sex"] == "m").to_numpy(float)
    expected = np.column_stack([np.ones(12), treated, male, TABLE["age"]])
    np.testing.assert_array_equal(found.matrix, expected)
    np.testing.assert_allclose(found.contrasts[0].change, [0, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.contrasts[0].base, [1, 0, 0.5, TABLE["age"].mean()])
    assert found.sentence.startswith(
        "Changes of populations are adjusted for sex and age (a number)"
    )


def test_contrasts_follow_from_the_terms() -> None:
    found = made("~ condition * genotype + log2(dose)")
    assert [(c.kind, c.name) for c in found.contrasts] == [
        ("condition", "treated against control"),
        ("within", "treated against control, genotype ko"),
        ("within", "treated against control, genotype wt"),
        ("interaction", "treated against control: genotype wt against ko"),
        ("factor", "genotype wt against ko"),
        ("covariate", "dose, doubled"),
    ]
    by_name = {c.name: c for c in found.contrasts}
    ko, wt = (by_name[f"treated against control, genotype {g}"] for g in ("ko", "wt"))
    apart = by_name["treated against control: genotype wt against ko"]
    np.testing.assert_allclose(apart.change, wt.change - ko.change, atol=1e-12)
    np.testing.assert_allclose(apart.base, wt.base + ko.change, atol=1e-12)
    assert apart.between == (ko.name, wt.name)
    # a doubling of the dose is one unit of log2(dose)
    column = found.columns.index("log2(dose)")
    np.testing.assert_allclose(by_name["dose, doubled"].change, np.eye(6)[column][:5], atol=1e-9)


def test_a_number_that_interacts_gives_the_difference_per_unit() -> None:
    found = made("~ condition * age")
    apart = next(c for c in found.contrasts if c.kind == "interaction")
    assert apart.name == "treated against control: per unit of age"
    np.testing.assert_allclose(apart.change, [0, 0, 0, 1], atol=1e-9)


def test_pairs_have_columns_and_take_up_what_does_not_vary_within_them() -> None:
    donors = np.tile([f"d{i}" for i in range(6)], 2)
    found = made("~ condition * sex", pairs=donors)
    assert found.matrix.shape == (12, 3 + 5)
    assert np.linalg.matrix_rank(found.matrix) == 8
    assert [str(note) for note in found.notes] == [
        "sex is the same in both conditions of every donor: the pairs already allow for it."
    ]
    assert "factor" not in {c.kind for c in found.contrasts}
    assert "pairs" in found.sentence


def test_text_that_reads_as_numbers_is_a_number_and_a_note() -> None:
    table = TABLE.assign(age=TABLE["age"].astype(str))
    found = made("~ condition + age", table)
    np.testing.assert_array_equal(found.matrix[:, 2], TABLE["age"])
    assert "age is read as a number" in str(found.notes[0])
    lanes = TABLE.assign(lane=list("123123123123"))
    assert made("~ condition + C(lane)", lanes).matrix.shape == (12, 4)
    assert made("~ condition + C(lane)", lanes).notes == ()


def test_the_first_category_is_the_reference() -> None:
    table = TABLE.assign(genotype=pd.Categorical(TABLE["genotype"], categories=["wt", "ko"]))
    names = [c.name for c in made("~ condition + genotype", table).contrasts]
    assert names[1] == "genotype ko against wt"


def test_names_with_blanks_stand_in_backticks() -> None:
    assert columns_of("~ condition + `lane 1` + C(`lane 1`)") == ["condition", "lane 1"]
    assert made("~ condition + `lane 1`").matrix.shape == (12, 4)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        (3, "must be a formula as text"),
        ("condition + sex", "must start with '~'"),
        ("~ condition +", "cannot be read"),
        ("~ condition sex", "Missing operator"),
        ("~ condition + 3*age", "cannot be read"),
        ("~ condition | sex", "has '|', which a formula here does not take"),
        ("~ condition + __import__('os').system('x')", "which a formula here does not take"),
        ("~ condition + exec(age)", "'exec(age)' is not allowed"),
        ("~ condition + sex**3", "has '**'"),
        ("~ condition + sex - 1", "drops the intercept"),
        ("~ 0 + condition", "drops the intercept"),
        ("~ condition + " + " + ".join(f"x{i}" for i in range(200)), "characters"),
        ("~ condition * " + " * ".join(f"x{i}" for i in range(60)), "too many columns"),
        ("~ condition + smoker", "'smoker' is not a column of the samples; there are"),
        ("~ sex", "has no 'condition', the column of the conditions"),
        ("~ condition + log(sex)", "'sex' is text, so it has no logarithm"),
    ],
)
def test_a_formula_that_is_no_design_is_a_sentence(formula: object, says: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        made(formula)  # type: ignore[arg-type]
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "formula", "says"),
    [
        ({"site": "one"}, "~ condition + site", "'site' is one in every donor"),
        ({"site": [None, *"aabbabaabba"]}, "~ condition + site", "missing for 1 of 12 donors"),
        ({"site": ["", *"aabbabaabba"]}, "~ condition + site", "missing for 1 of 12 donors"),
        ({"day": ["", *"12345123451"]}, "~ condition + day", "missing for 1 of 12 donors"),
        ({"dose": [np.inf, *range(1, 12)]}, "~ condition + dose", "has infinite values"),
        ({"dose": range(12)}, "~ condition + log(dose)", "needs values above zero: 0"),
        (
            {"site": list("aaaaaabbbbbb")},
            "~ condition + site",
            "control has a, treated has b. Without site in the formula the two conditions can be "
            "compared, but the answer holds both effects; a donor of control with site b, or of "
            "treated with site a, would separate them.",
        ),
        (
            {"site": list("aabbccddeeff")},
            "~ condition + site",
            "site cannot be told from condition",
        ),
        (
            {"gender": list("mfmfmf") * 2},
            "~ condition + sex + gender",
            "sex and gender say the same, in whole or in part (12 donors), so their effects cannot",
        ),
        (
            {"weight": [2 * a + 1 for a in TABLE["age"]]},
            "~ condition + age + weight",
            "age and weight say the same",
        ),
        (
            {"batch": list("pqrpqr") * 2, "plate": list("abcabc") * 2},
            "~ condition + batch + plate",
            "batch and plate say the same",
        ),
        (
            {"run": list("rrrsss") * 2, "lane": list("ppqttu") * 2},
            "~ condition * run + lane",
            "run and lane say the same, in whole or in part",
        ),
        (
            {"who": [f"d{i}" for i in range(12)]},
            "~ condition + who",
            "has 13 parameters, but there are only 12 donors: at least 15 are needed",
        ),
        (
            {"genotype": ["wt", "wt", "wt", "ko", "ko", "ko", *["wt"] * 6]},
            "~ condition * genotype",
            "no donor has condition treated and genotype ko, so the interaction "
            "condition:genotype cannot be estimated. Add such a donor, or write + in place of *",
        ),
    ],
)
def test_a_design_that_cannot_answer_says_why_and_what_would(
    columns: dict, formula: str, says: str
) -> None:
    with pytest.raises(ValueError, match="design") as caught:
        made(formula, TABLE.assign(**columns))
    assert says in str(caught.value)


def test_a_covariate_that_changes_with_every_pair_is_confounded() -> None:
    donors = np.tile([f"d{i}" for i in range(6)], 2)
    table = TABLE.assign(day=[*range(6), *range(10, 16)])
    with pytest.raises(ValueError, match="day cannot be told from condition"):
        made("~ condition + day", table, pairs=donors)


def test_a_batch_that_lies_in_another_allows_for_both() -> None:
    table = TABLE.assign(run=list("rrrsss") * 2, lane=list("ppqttu") * 2)
    found = made("~ condition + run + lane", table)
    alone = made("~ condition + lane", table)
    assert found.matrix.shape == alone.matrix.shape
    np.testing.assert_allclose(
        found.contrasts[0].change @ np.linalg.pinv(found.matrix),
        alone.contrasts[0].change @ np.linalg.pinv(alone.matrix),
        atol=1e-12,
    )
    assert [str(note) for note in found.notes if "lies in" in str(note)] == [
        "Every lane lies in one run: allowing for lane allows for run too."
    ]
    assert not any(c.name.startswith("run") for c in found.contrasts)


def test_a_column_that_stands_twice_is_named_as_it_is_written() -> None:
    with pytest.raises(ValueError, match=r"age and center\(age\) say the same"):
        made("~ condition + age + center(age)")
