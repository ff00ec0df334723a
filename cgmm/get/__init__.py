"""Results of a fit as tidy DataFrames.

Every function takes an object that :func:`cgmm.tl.fit` has filled and returns a new frame. The
object is not changed. :mod:`cgmm.tables` declares the columns.
"""

from cgmm._anndata.storage import read_fit as fit
from cgmm._anndata.storage import read_params as params
from cgmm.get._calibration import calibration
from cgmm.get._compare import compare
from cgmm.get._components import arrivals, components
from cgmm.get._donors import carried_donors, donor_shifts, donors
from cgmm.get._effects import effects, null
from cgmm.get._factors import factors
from cgmm.get._gene_donors import gene_donors
from cgmm.get._gene_sets import gene_sets
from cgmm.get._genes import gene_agreement, genes, markers
from cgmm.get._influence import influence
from cgmm.get._populations import populations
from cgmm.get._projected import projected
from cgmm.get._samples import sample_distances, sample_quality, samples
from cgmm.get._sensitivity import sensitivity
from cgmm.get._states import states
from cgmm.get._targets import target_pairs, trends
from cgmm.get._transfers import shifts, transfers

__all__ = [
    "arrivals",
    "calibration",
    "carried_donors",
    "compare",
    "components",
    "donor_shifts",
    "donors",
    "effects",
    "factors",
    "fit",
    "gene_agreement",
    "gene_donors",
    "gene_sets",
    "genes",
    "influence",
    "markers",
    "null",
    "params",
    "populations",
    "projected",
    "sample_distances",
    "sample_quality",
    "samples",
    "sensitivity",
    "shifts",
    "states",
    "target_pairs",
    "transfers",
    "trends",
]
