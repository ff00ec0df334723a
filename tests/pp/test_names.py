"""What a name tells: mitochondrial genes, channels that are no markers, spellings."""

from __future__ import annotations

import pytest

from cgmm.pp._names import (
    HUMAN_MITOCHONDRIAL,
    MOUSE_MITOCHONDRIAL,
    is_mitochondrial,
    no_markers,
    prefix_of,
    spellings,
)


@pytest.mark.parametrize(
    "name",
    ["MT-CO1", "mt-Co1", "MT.CO1", "mt:CoI", "MT_CO1", "GRCh38_MT-CO1", "mm10___mt-Nd1"]
    + ["hg38-MT-ND1", "ENSG00000198888", "ENSG00000198888.2", "ENSMUSG00000065947"],
)
def test_mitochondrial_genes_are_known_however_they_are_written(name: str) -> None:
    assert list(is_mitochondrial([name, "MTOR", "Mt1", "ENSG00000198889"])) == [True] + 3 * [False]


def test_both_lists_hold_the_whole_genome() -> None:
    assert len(HUMAN_MITOCHONDRIAL) == len(MOUSE_MITOCHONDRIAL) == 37


def test_names_without_prefix_count_when_most_of_them_are_there() -> None:
    bare = ["ND1", "ND2", "ND3", "ND4", "ND5", "ND6", "COX1", "ATP6", "CYTB"]
    assert is_mitochondrial([*bare, "ACTB"]).sum() == 9
    assert is_mitochondrial([f"gene-{name}" for name in [*bare, "ACTB"]]).sum() == 9
    assert not is_mitochondrial(["ND1", "ACTB"]).any()


def test_channels_that_are_no_markers_are_known() -> None:
    names = ["CD3", "Time", "FSC-A", "SSC-H", "LiveDead", "Zombie NIR", "CD11b", "Event_length"]
    assert no_markers(names) == {
        "time": ["Time", "Event_length"],
        "scatter": ["FSC-A", "SSC-H"],
        "live or dead": ["LiveDead", "Zombie NIR"],
    }
    assert no_markers(["CD3", "PD-L1", "Ki67", "IgD", "TIM3", "FSP1", "SSEA4"]) == {}


def test_one_spelling_for_what_other_programs_change() -> None:
    assert spellings(["HLA-A", "7SK", "ENSG00000000003.15"]) == spellings(
        ["hla.a", "X7SK", "ENSG00000000003"]
    )
    prefixed = [f"GRCh38_G{i}" for i in range(30)]
    assert prefix_of(prefixed) == "GRCh38_"
    assert spellings(prefixed) == [f"G{i}" for i in range(30)]


def test_dates_that_excel_made_are_recognised() -> None:
    genes = ["MARCH1", "MARCHF1", "SEPT2", "SEPTIN2", "DEC1", "DELEC1"]
    assert spellings(genes) == spellings(["1-Mar", "Mar-1", "2-Sep", "Sep-02", "1-Dec", "1-DEC"])
    assert spellings(["1-MAY", "MAR-X"]) == ["1-MAY", "MAR-X"]
