"""A comparison: two conditions of an object, and the fields that describe their cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from cgmm._anndata.keys import PCA
from cgmm.pair import Pair


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison of a fit, from the arguments of :func:`cgmm.tl.fit`.

    :func:`cgmm._anndata.sides.take_sides` checks a comparison against an object and takes the cells
    of both conditions. A fit stores its comparison among its parameters, and all later steps read
    the comparison back with :meth:`from_params`.

    Attributes
    ----------
    condition_key
        Column of ``obs`` with the conditions.
    source, target
        The names of the two conditions, as text.
    use_rep
        Entry of ``obsm`` with the representation, or "X".
    n_dims
        Number of leading dimensions of the representation; None: the default of
        :func:`cgmm.tl.fit`. A stored comparison has the number that was used.
    donor_key
        Column of ``obs`` with the donors, or None.
    paired
        Whether donors are compared with themselves; None: decided from the numbers of donors.
    """

    condition_key: str
    source: str
    target: str
    use_rep: str = PCA
    n_dims: int | None = None
    donor_key: str | None = None
    paired: bool | None = None

    def __post_init__(self) -> None:
        for name in ("source", "target"):  # conditions are compared as text
            object.__setattr__(self, name, str(getattr(self, name)))

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Comparison:
        """Return the comparison of a fit from its parameters (:func:`cgmm.get.params`)."""
        return cls(**{field.name: params[field.name] for field in fields(cls)})

    def to_params(self) -> dict[str, Any]:
        """Return the part of the parameters of a fit that :meth:`from_params` reads."""
        return asdict(self)

    @property
    def conditions(self) -> Pair[str]:
        """The names of the two conditions."""
        return Pair(self.source, self.target)
