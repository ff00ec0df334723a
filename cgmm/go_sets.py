"""Write the biological processes of the Gene Ontology as gene sets, from files of Bioconductor.

    cgmm go-sets org.Hs.eg.sqlite GO.sqlite > go.gmt

The annotation of an organism (``org.*.eg.sqlite``) and the ontology (``GO.sqlite``) are files of
the R packages ``org.*.eg.db`` and ``GO.db``. R is not needed. A set has all genes of a term and of
the terms below it, so sets overlap. References: Ashburner et al. 2000, Nature Genetics 25:25.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

ONTOLOGIES = {
    "process": "go_bp_all",
    "function": "go_mf_all",
    "component": "go_cc_all",
}
MIN_GENES, MAX_GENES = 10, 300
TERMS = "SELECT go_id, term FROM go_term"
GENES = "SELECT own.go_id, gene_info.symbol FROM {table} AS own JOIN gene_info USING (_id)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("organism", type=Path, help="org.*.eg.sqlite of an organism")
    parser.add_argument("ontology", type=Path, help="GO.sqlite")
    parser.add_argument("--part", choices=tuple(ONTOLOGIES), default="process")
    parser.add_argument("--min", type=int, default=MIN_GENES, help="fewest genes of a set")
    parser.add_argument("--max", type=int, default=MAX_GENES, help="most genes of a set")


def run(given: argparse.Namespace) -> int:
    """Write the sets to standard output; return 1 when the files cannot be used."""
    try:
        sets = go_sets(given.organism, given.ontology, ONTOLOGIES[given.part])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for (name, term), genes in sorted(sets.items()):
        if given.min <= len(genes) <= given.max:
            sys.stdout.write("\t".join([name, term, *sorted(genes)]) + "\n")
    return 0


def go_sets(organism: Path, ontology: Path, table: str) -> dict[tuple[str, str], set[str]]:
    """Return the symbols of the genes of every term, by its name and accession.

    Parameters
    ----------
    organism, ontology
        The two files.
    table
        Table of the organism with genes and the terms above theirs, such as "go_bp_all".

    Raises
    ------
    ValueError
        When a file is not there or holds something else.
    """
    terms = dict(_rows(ontology, TERMS))
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for accession, symbol in _rows(organism, GENES.format(table=table)):
        if accession in terms:
            found[terms[accession], accession].add(symbol)
    return dict(found)


def _rows(path: Path, query: str) -> list[tuple[str, str]]:
    """Return the rows of a query; a file is never written to."""
    if not path.is_file():
        msg = f"{path}: there is no such file. Give org.*.eg.sqlite first, then GO.sqlite."
        raise ValueError(msg)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()
    except sqlite3.Error as error:
        msg = f"{path}: {error}. Give org.*.eg.sqlite first, then GO.sqlite."
        raise ValueError(msg) from error
