"""Which genes change, in arrays; start at :mod:`cgmm.genes.change`."""
