"""The rows of a sample sheet give the model that the cells will have."""

from __future__ import annotations

import pytest

from cgmm.donors.design_of_samples import design_of_samples

ENDS = {"source": "a", "target": "b"}


def rows(donors: str, sex: str) -> list[dict[str, str]]:
    return [
        {"condition": c, "donor": d, "sex": "" if s == "-" else s}
        for c, d, s in zip("aaaabbbbc", donors, sex, strict=True)
    ]


def test_independent_donors_and_pairs() -> None:
    apart = design_of_samples("~ condition + sex", rows("pqrstuvwx", "fmfmfmfmf"), **ENDS)
    assert apart.columns == ("Intercept", "condition[T.b]", "sex[T.m]")
    paired = design_of_samples("~ condition + sex", rows("pqrspqrsx", "fmfmfmfmf"), **ENDS)
    assert paired.matrix.shape == (8, 5)
    assert str(paired.notes[0]).startswith("sex is the same in both conditions of every donor")


def test_samples_of_a_donor_are_units_unless_they_are_technical() -> None:
    sheet = rows("ppqrstuvx", "ffmfmfmff")
    assert design_of_samples("~ condition + sex", sheet, **ENDS).matrix.shape[0] == 8
    summed = design_of_samples("~ condition + sex", sheet, technical_replicates=True, **ENDS)
    assert summed.matrix.shape[0] == 7
    sheet[0]["sex"] = "m"
    with pytest.raises(ValueError, match="'sex' differs between the technical replicates"):
        design_of_samples("~ condition + sex", sheet, technical_replicates=True, **ENDS)


@pytest.mark.parametrize(
    ("donors", "sex", "says"),
    [
        ("pqrstuv-x", "fmfmfmfmf", "needs the column `donor` filled in"),
        ("pqrstuvwx", "fmfmfmf-f", "'sex' is missing for 1 of 8 donors"),
        ("pqrstuvwx", "ffffmmmmf", "sex cannot be told from condition"),
    ],
)
def test_what_the_sheet_does_not_allow_is_a_sentence(donors: str, sex: str, says: str) -> None:
    sheet = rows(donors, sex)
    for row in sheet:
        row["donor"] = row["donor"].strip("-")
    with pytest.raises(ValueError, match="design") as caught:
        design_of_samples("~ condition + sex", sheet, **ENDS)
    assert says in str(caught.value)
