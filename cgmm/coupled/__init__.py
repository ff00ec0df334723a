"""The coupled fit of two mixtures; start at :mod:`cgmm.coupled.fit`."""
