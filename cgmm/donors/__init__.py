"""Statistics with the donor as the unit; start at :mod:`cgmm.donors.uncertainty`."""
