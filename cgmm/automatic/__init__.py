"""The fit without tuning: starts, metric, partitions; start at :mod:`cgmm.automatic.fit`."""
