"""One Gaussian mixture and passes over cells; start at :mod:`cgmm.mixture.gaussian_mixture`."""
