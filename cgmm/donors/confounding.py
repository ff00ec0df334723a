"""Batches and covariates that differ between the conditions and may be mistaken for a change."""

from __future__ import annotations

import numpy as np

from cgmm.donors.reasons import Note, Reason
from cgmm.pair import SOURCE, TARGET

MAX_COVARIATE_VALUES = 3
MIN_FREEDOM = 2


def allow_for_batches(source: list[str], target: list[str], name: str, notes: list[Note]) -> bool:
    """Return whether the linear model can include the batches of independent donors.

    Parameters
    ----------
    source, target
        Batch of every donor of source and target.
    name
        Word for a batch in sentences.
    notes
        List to extend: by a note for each batch with donors of one condition only, and by a note
        when donors are too few for a model with batches.

    Returns
    -------
    False when there is only one batch, when a condition has no donors, or when donors are too few.

    Raises
    ------
    ValueError
        When no batch holds donors of both conditions.
    """
    before, after = set(source), set(target)
    if not (before and after) or len(before | after) == 1:
        return False
    if not before & after:
        msg = (
            f"{name} is the same as the condition: the source has {', '.join(sorted(before))}, the "
            f"target {', '.join(sorted(after))}. A change cannot be distinguished from a "
            f"difference between batches; leave {name} out only if it cannot matter."
        )
        raise ValueError(msg)
    for batch in sorted(before ^ after):
        side = SOURCE if batch in before else TARGET
        notes.append(Reason.ONE_SIDED_BATCH.note(name=name.capitalize(), batch=batch, side=side))
    if len(source) + len(target) - len(before | after) - 1 < MIN_FREEDOM:
        notes.append(Reason.FEW_FOR_BATCHES.note(batch=name))
        return False
    return True


def note_batches_of_pairs(
    source: list[str], target: list[str], name: str, notes: list[Note]
) -> None:
    """Add a note when no batch holds both conditions and every donor changes its batch.

    Parameters
    ----------
    source, target
        Batch of every donor in the source and in the target, in the order of the pairs.
    name
        Word for a batch in sentences.
    notes
        List to extend.
    """
    if any(a == b for a, b in zip(source, target, strict=True)) or set(source) & set(target):
        return
    notes.append(
        Reason.BATCH_CHANGES.note(
            name=name.capitalize(),
            source=", ".join(sorted(set(source))),
            target=", ".join(sorted(set(target))),
            batch=name,
        )
    )


def note_covariate(
    name: str, of_source: np.ndarray, of_target: np.ndarray, notes: list[Note]
) -> None:
    """Add a note for a covariate with few values and no value in both conditions.

    Parameters
    ----------
    name
        Name of the covariate.
    of_source, of_target
        Value of the covariate in every cell, shapes (N0,) and (N1,).
    notes
        List to extend.
    """
    before, after = ({str(v) for v in np.unique(x.astype(str))} for x in (of_source, of_target))
    if max(len(before), len(after)) <= MAX_COVARIATE_VALUES and not before & after:
        notes.append(
            Reason.COVARIATE_CHANGES.note(
                name=name.capitalize(),
                source=", ".join(sorted(before)),
                target=", ".join(sorted(after)),
                covariate=name,
            )
        )
