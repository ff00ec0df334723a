"""How files of other formats are read: what a file does not say by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm.pp._samples import InputError, listed


@dataclass(frozen=True)
class Reading:
    """What the user says about files of other formats.

    Attributes
    ----------
    h5mu_modality
        Modality of .h5mu files; None: the one of gene expression, or the only one.
    cofactor
        Divisor under the arcsinh of .fcs files; None: by the instrument.
    """

    h5mu_modality: str | None = None
    cofactor: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any] | Reading | None) -> Reading:
        """Take what the config holds.

        Raises
        ------
        InputError
            When a key is not known, or its value is no text or no positive number.
        """
        if isinstance(given, Reading):
            return given
        known = dict(given or {})
        keys = list(cls.__dataclass_fields__)
        if unknown := set(known) - set(keys):
            msg = f"reading: unknown key {listed(sorted(unknown))}; give {' or '.join(keys)}."
            raise InputError(msg)
        modality, cofactor = (known.get(key) for key in keys)
        if modality is not None and (not isinstance(modality, str) or not modality):
            msg = f"reading: h5mu_modality={modality!r} is no name of a modality: give text."
            raise InputError(msg)
        if cofactor is None:
            return cls(modality)
        number = isinstance(cofactor, int | float | np.number) and not isinstance(cofactor, bool)
        if not number or not np.isfinite(cofactor) or cofactor <= 0:
            msg = (
                f"reading: cofactor={cofactor!r} is no positive number: give the divisor under the "
                "arcsinh, such as 150 for fluorescence or 5 for mass."
            )
            raise InputError(msg)
        return cls(modality, float(cofactor))


DEFAULT = Reading()


class Read(NamedTuple):
    """What a reader found."""

    adata: ad.AnnData
    remark: str = ""  #: what it left out, and what it did to the values
    transform: str = ""  #: formula of the values, where they were transformed
