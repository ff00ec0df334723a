"""The design formula of the config against the sample sheet, before anything runs.

A column that the formula names may stand in the sample sheet, under any name, or in ``obs`` of the
files.  A design with columns of the sheet alone is checked here; otherwise the rule
``check_design`` reads the columns of ``obs`` and checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cgmm.donors.design_of_samples import CONDITION, design_of_samples
from cgmm.donors.formula import columns_of
from workflow.sheet import Row
from workflow.validation import SettingsError, read_schema


def columns_of_design(config: dict[str, Any]) -> set[str]:
    """Return the columns that the design of a config names: they may stand in the sample sheet.

    Parameters
    ----------
    config
        The config with its defaults.

    Raises
    ------
    SettingsError
        When the formula cannot be read or lacks the condition.
    """
    donors = config["donors"]
    names = set() if donors["counts_key"] is None else {str(donors["counts_key"])}
    if donors["design"] is None:
        return names
    try:
        of_formula = columns_of(donors["design"])
    except ValueError as error:
        raise SettingsError([f"config, donors: {error}"]) from error
    if CONDITION not in of_formula:
        msg = (
            f"config, donors: design={donors['design']!r} lacks `condition`, so it compares "
            "nothing. Add it, as in '~ condition + sex'."
        )
        raise SettingsError([msg])
    return names | set(of_formula)


def problems_of_design(config: dict[str, Any], rows: list[Row]) -> Iterator[str]:
    """Yield a sentence for each comparison whose samples do not allow the design."""
    donors = config["donors"]
    if donors["design"] is None:
        return
    if columns_of_obs(config, rows):
        return  # the rule check_design reads them
    for comparison in config["comparisons"]:
        own = [row for row in rows if row["dataset"] == comparison["dataset"]]
        try:
            design_of_samples(
                donors["design"],
                own,
                source=comparison["source"],
                target=comparison["target"],
                technical_replicates=donors["technical_replicates"],
            )
        except ValueError as error:
            yield f"config, comparison {comparison['name']}: {error}"


def columns_of_obs(config: dict[str, Any], rows: list[Row]) -> list[str]:
    """Return the columns of the design that are not in the sample sheet."""
    design = config["donors"]["design"]
    return [] if design is None else [n for n in columns_of(design) if n not in rows[0]]


def known_columns() -> list[str]:
    """Return the columns of every sample sheet."""
    return list(read_schema("samples")["properties"])
