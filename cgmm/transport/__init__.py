"""Optimal transport between two mixtures; start at :mod:`cgmm.transport.solver`."""
