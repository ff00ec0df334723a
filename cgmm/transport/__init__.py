"""Optimal transport between the components of two mixtures: see :mod:`cgmm.transport.solver`."""
