"""Genes that change for another reason than the condition."""

from __future__ import annotations

import re

import pytest

from cgmm.genes.suspects import LEAST, LISTS, suspect_lists, suspects
from cgmm.report.sections.references import bibliography

HANDLED = ["Fos", "Jun", "Egr1"]
OTHERS = [f"GENE{i}" for i in range(20)]


def test_every_gene_stands_once_with_a_work_of_the_bibliography():
    rows = [line.split("\t") for line in LISTS.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["list", "gene", "doi"]
    assert all(re.fullmatch(r"[A-Z0-9-]+", gene) for _, gene, _ in rows[1:])
    assert len({gene for _, gene, _ in rows[1:]}) == len(rows) - 1
    known = {work.link for work in bibliography().values()}
    assert {f"https://doi.org/{doi}" for _, _, doi in rows[1:]} <= known
    assert set(suspect_lists()) == {name for name, _, _ in rows[1:]} == set(LEAST)


@pytest.mark.parametrize(
    ("genes", "lists"),
    [
        (HANDLED + OTHERS, ["dissociation"]),
        (HANDLED[:2] + OTHERS, []),
        (OTHERS[:10] + HANDLED, []),
        (["XIST", *OTHERS], ["sex"]),
        (["Hspa1a", "Hspa1b", "Dnajb1", "HLA-DRB5"], ["stress", "genotype"]),
        (["mt-Co1", "mt-Co2", "mt-Nd4"], ["mitochondrial"]),
        ([], []),
    ],
)
def test_the_first_ten_genes_decide(genes, lists):
    assert [found.list for found in suspects(genes)] == lists


def test_the_genes_that_led_are_named_as_they_were_written():
    assert suspects(["Xist", *HANDLED])[0].genes == tuple(HANDLED)
