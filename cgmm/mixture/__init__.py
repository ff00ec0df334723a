"""One Gaussian mixture and its passes over cells: start at :mod:`cgmm.mixture.gaussian_mixture`."""
