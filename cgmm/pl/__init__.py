"""Figures of a fit: each takes the object that :func:`cgmm.tl.fit` filled.

Colour is never the only cue: what rises is orange and points up, what falls is blue and points
down, and every row carries its name or number. All figures stay readable at thirty rows.
``level="population"`` draws populations, ``level="state"``, the default, the components of the fit.
A function with the argument ``ax`` draws on these Axes, or on a new figure whose size fits the
content, and returns the Axes.
"""

from cgmm.pl._compare import compare
from cgmm.pl._components import components
from cgmm.pl._donors import donors
from cgmm.pl._embedding import embedding
from cgmm.pl._factors import factors
from cgmm.pl._flow import flow
from cgmm.pl._gene import gene
from cgmm.pl._markers import markers
from cgmm.pl._responses import responses
from cgmm.pl._samples import samples
from cgmm.pl._sensitivity import sensitivity
from cgmm.pl._shifts import shifts
from cgmm.pl._transfers import transfers

__all__ = [
    "compare",
    "components",
    "donors",
    "embedding",
    "factors",
    "flow",
    "gene",
    "markers",
    "responses",
    "samples",
    "sensitivity",
    "shifts",
    "transfers",
]
