"""Tools on AnnData objects: fits of one or several comparisons, donors, changes of genes.

:mod:`cgmm._anndata.keys` has the names of all fields that are written.  :mod:`cgmm.get` reads the
fields back.
"""

from cgmm.tl._annotate import annotate
from cgmm.tl._calibrate import calibrate
from cgmm.tl._donors import donors
from cgmm.tl._fit import fit
from cgmm.tl._gene_sets import gene_sets
from cgmm.tl._genes import genes
from cgmm.tl._targets import fit_targets

__all__ = ["annotate", "calibrate", "donors", "fit", "fit_targets", "gene_sets", "genes"]
