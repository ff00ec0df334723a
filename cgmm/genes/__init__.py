"""Changes of genes within subpopulations, in arrays; start at :mod:`cgmm.genes.change`."""
